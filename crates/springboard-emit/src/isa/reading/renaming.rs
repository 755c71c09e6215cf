//! Code that uses one register in another's place, for code that is not run: with loops, or instructions that are not
//! listed.

use super::{
    Cpu,
    step::{Program, Register, Step},
};
use crate::isa::Code;

/// Whether `after` is `before` with the register `to` in place of `from`, and without saving that: which holds nothing
/// across a call, while nothing else names the other one.
pub(in crate::isa) fn renames_only(
    cpu: &Cpu,
    before: &Code,
    after: &Code,
    from: Register,
    to: Register,
) -> bool {
    let before = (cpu.program)(before).and_then(|program| renamed(cpu, &program, from, to));
    before.is_some() && before == (cpu.program)(after)
}

fn renamed(cpu: &Cpu, program: &Program, from: Register, to: Register) -> Option<Program> {
    // It is saved before anything else is done with it.
    let first = program.iter().find(|step| step.with(from, to) != **step)?;
    let Step::Store { base, offset, bytes: 8, .. } = *first else { return None };
    let saves = Step::Store { from, base, offset, bytes: 8 };
    let restores = Step::Load { to: from, base, offset, bytes: 8, how: 0 };
    if *first != saves || base != cpu.stack {
        return None;
    }
    if !holds_nothing_across_calls(program, from, |step| *step == saves || *step == restores) {
        return None;
    }
    let (mut starts, mut renamed) = (Vec::with_capacity(program.len()), Program::new());
    for step in program {
        starts.push(renamed.len());
        if *step == saves || *step == restores {
            continue;
        }
        if matches!(step, Step::Other(_) | Step::Enter(_)) || step.with(to, from) != *step {
            return None;
        }
        renamed.push(step.with(from, to));
    }
    for step in &mut renamed {
        if let Step::Branch { to, .. } | Step::Goto(to) = step {
            *to = *starts.get(*to)?;
        }
    }
    Some(renamed)
}

/// Whether a register is made after the last call, on every way to where it is read. The steps that are `left` count for
/// nothing.
fn holds_nothing_across_calls(program: &Program, register: Register, left: impl Fn(&Step) -> bool) -> bool {
    // Whether it has been made since, before each step: yes, until a way is found on which it has not.
    let mut made = vec![true; program.len() + 1];
    made[0] = false;
    let mut ways = vec![0];
    while let Some(at) = ways.pop() {
        let Some(step) = program.get(at) else { continue };
        let after = match step {
            _ if left(step) => made[at],
            Step::Call(_) => false,
            _ => made[at] || step.makes() == Some(register),
        };
        let next = !matches!(step, Step::Goto(_) | Step::Return | Step::Jump(_));
        let to = match step {
            Step::Branch { to, .. } | Step::Goto(to) => Some(*to),
            _ => None,
        };
        for to in next.then_some(at + 1).into_iter().chain(to) {
            if let Some(known) = made.get_mut(to)
                && *known
                && !after
            {
                *known = false;
                ways.push(to);
            }
        }
    }
    program.iter().zip(&made).all(|(step, made)| *made || left(step) || !step.reads(register))
}

impl Step {
    /// The register that it makes.
    fn makes(&self) -> Option<Register> {
        match *self {
            Step::Add { to, .. }
            | Step::Constant { to, .. }
            | Step::Literal { to, .. }
            | Step::Load { to, .. }
            | Step::Make { to, .. } => Some(to),
            _ => None,
        }
    }

    fn reads(&self, register: Register) -> bool {
        match *self {
            Step::Add { from, .. } => from == register,
            Step::Load { base, .. } => base == register,
            Step::Store { from, base, .. } => from == register || base == register,
            Step::Make { from, .. } | Step::Branch { from, .. } => from.contains(&Some(register)),
            Step::Call(from) | Step::Jump(from) => from == register,
            _ => false,
        }
    }

    /// The step with one register in another's place.
    fn with(self, from: Register, to: Register) -> Step {
        let other = |register: Register| if register == from { to } else { register };
        let others = |registers: [Option<Register>; 2]| registers.map(|register| register.map(other));
        match self {
            Step::Add { to, from, distance } => Step::Add { to: other(to), from: other(from), distance },
            Step::Constant { to, value } => Step::Constant { to: other(to), value },
            Step::Literal { to, kind } => Step::Literal { to: other(to), kind },
            Step::Load { to, base, offset, bytes, how } => {
                Step::Load { to: other(to), base: other(base), offset, bytes, how }
            }
            Step::Store { from, base, offset, bytes } => {
                Step::Store { from: other(from), base: other(base), offset, bytes }
            }
            Step::Make { to, how, from } => Step::Make { to: other(to), how, from: others(from) },
            Step::Call(register) => Step::Call(other(register)),
            Step::Jump(register) => Step::Jump(other(register)),
            Step::Branch { how, from, to } => Step::Branch { how, from: others(from), to },
            Step::Sign
            | Step::Authenticate
            | Step::Enter(_)
            | Step::Return
            | Step::Goto(_)
            | Step::Other(_) => self,
        }
    }
}
