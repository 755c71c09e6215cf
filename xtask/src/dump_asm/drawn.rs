//! Plans and code for the eye: moves and the instructions that make them in one colour, targets side by side, and a page.

use std::fmt::Write as _;

/// What became of a prototype on one target.
pub(super) struct Drawn {
    /// The target.
    pub(super) title: String,
    /// The plan, a move per line.
    pub(super) plan: String,
    /// The listing, an instruction per line.
    pub(super) asm: String,
}

/// A line, and which colour it has.
struct Line<'t> {
    text: &'t str,
    colour: Option<usize>,
}

/// Colours, for terminals and for pages, in the order of slots.
const COLOURS: [(&str, &str); 6] = [
    ("36", "#0b7285"),
    ("33", "#a05a00"),
    ("35", "#9c36b5"),
    ("32", "#2b8a3e"),
    ("34", "#1c5db5"),
    ("31", "#c92a2a"),
];

/// A move of a plan between a register and a slot.
struct Move<'t> {
    register: &'t str,
    slot: usize,
    /// Whether the register is written: a downcall's argument.
    written: bool,
}

fn moved(line: &str) -> Option<Move<'_>> {
    let (to, from) = line.trim().split_once(" <- ")?;
    let slot = |text: &str| {
        let digits = text.split_once("slot ")?.1;
        digits[..digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len())].parse().ok()
    };
    let register = |text| -> Option<&str> {
        let end = str::find(text, |c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
        let name = &text[..end];
        (!name.is_empty() && name != "slot" && name != "stack").then_some(name)
    };
    match (slot(from), slot(to)) {
        (Some(slot), None) => Some(Move { register: register(to)?, slot, written: true }),
        (None, Some(slot)) => Some(Move { register: register(from)?, slot, written: false }),
        _ => None,
    }
}

/// Whether an operand of a listing is a register of a plan, under any of its names.
fn is_register(operand: &str, name: &str) -> bool {
    let operand = operand.trim_start_matches('%');
    let names = match name.split_at(1) {
        ("x", number) if number.parse::<u8>().is_ok() => vec![format!("w{number}")],
        ("v", number) => "bhsdq".chars().map(|width| format!("{width}{number}")).collect(),
        ("r", rest) if rest.parse::<u8>().is_ok() => vec![format!("r{rest}d")],
        ("r", rest) => vec![format!("e{rest}")],
        _ => Vec::new(),
    };
    operand == name || names.iter().any(|other| operand == other)
}

fn plain(text: &str) -> Vec<Line<'_>> {
    text.lines().map(|text| Line { text, colour: None }).collect()
}

impl Drawn {
    /// The lines of the plan and of the listing. A move has the colour of its slot, and so has the instruction that makes
    /// it: of a downcall the last that writes the register, of an upcall the first that stores it.
    fn lines(&self) -> (Vec<Line<'_>>, Vec<Line<'_>>) {
        let (mut plan, mut asm) = (plain(&self.plan), plain(&self.asm));
        // AT&T's order has the destination last.
        let destination_last = self.title.starts_with("x86_64");
        for line in &mut plan {
            let Some(Move { register, slot, written }) = moved(line.text) else { continue };
            line.colour = Some(slot);
            let end = |text: &str| {
                let operands = text.split_once(": ").map_or(text, |(_, instruction)| instruction.trim());
                let operands = operands.split_once(' ').map_or("", |(_, operands)| operands);
                let end = if destination_last && written {
                    operands.rsplit(", ").next()
                } else {
                    operands.split(", ").next()
                };
                is_register(end.unwrap_or_default(), register)
            };
            let made = if written {
                asm.iter().rposition(|line| end(line.text))
            } else {
                asm.iter().position(|line| line.text.contains(['[', '(']) && end(line.text))
            };
            if let Some(index) = made {
                asm[index].colour = Some(slot);
            }
        }
        (plan, asm)
    }
}

/// Plan and listing of several targets side by side, as many as `width` columns hold, the rest below.
pub(super) fn side_by_side(drawn: &[Drawn], width: usize, coloured: Coloured) -> String {
    let columns: Vec<Vec<Line<'_>>> = drawn
        .iter()
        .map(|one| {
            let (plan, asm) = one.lines();
            let between = || Line { text: "", colour: None };
            let mut lines = vec![Line { text: &one.title, colour: None }];
            lines.extend(plan);
            lines.push(between());
            lines.extend(asm);
            lines
        })
        .collect();
    let widths: Vec<usize> = columns
        .iter()
        .map(|lines| lines.iter().map(|line| line.text.chars().count()).max().unwrap_or(0) + 3)
        .collect();
    let mut text = String::new();
    let mut first = 0;
    while first < columns.len() {
        let mut last = first + 1;
        while last < columns.len() && widths[first..=last].iter().sum::<usize>() <= width {
            last += 1;
        }
        let height = columns[first..last].iter().map(Vec::len).max().unwrap_or(0);
        for row in 0..height {
            let mut line = String::new();
            for (column, width) in columns[first..last].iter().zip(&widths[first..last]) {
                let Line { text, colour } = column.get(row).unwrap_or(&Line { text: "", colour: None });
                let padding = width - text.chars().count();
                line += &match colour.filter(|_| coloured == Coloured::Yes) {
                    Some(slot) => format!("\x1b[{}m{text}\x1b[0m", COLOURS[slot % COLOURS.len()].0),
                    None => (*text).to_owned(),
                };
                line += &" ".repeat(padding);
            }
            text += line.trim_end();
            text.push('\n');
        }
        text.push('\n');
        first = last;
    }
    text
}

/// Whether a terminal shows colours.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Coloured {
    Yes,
    No,
}

/// A page on its own: for each target the registers and stack words with what they carry, the plan, and the listing.
pub(super) fn page(prototype: &str, entry: &str, drawn: &[Drawn]) -> String {
    let mut html = String::from(
        "<!doctype html><meta charset=\"utf-8\"><style>body{font:14px system-ui;margin:2em}\
         pre{font:13px ui-monospace,monospace;line-height:1.5;margin:0}section{display:inline-block;vertical-align:top;\
         margin:0 2em 2em 0}td{border:1px solid #888;padding:.2em .6em;font:13px ui-monospace,monospace}\
         table{border-collapse:collapse;margin:.6em 0}th{text-align:left;font-weight:normal;color:#666}\n",
    );
    for (index, (_, colour)) in COLOURS.iter().enumerate() {
        writeln!(html, ".c{index}{{color:{colour};font-weight:600}}").expect(WRITTEN);
    }
    writeln!(
        html,
        "</style><title>{0}</title><h1><code>{0}</code></h1><p>entry: {entry}</p>",
        escaped(prototype)
    )
    .expect(WRITTEN);
    for one in drawn {
        let (plan, asm) = one.lines();
        writeln!(html, "<section><h2>{}</h2>", escaped(&one.title)).expect(WRITTEN);
        let carried = plan.iter().filter_map(|line| {
            let (to, from) = line.text.trim().split_once(" <- ")?;
            // The place is the side that is no slot.
            let (place, value) =
                if to.starts_with("slot") || to.starts_with("[slot") { (from, to) } else { (to, from) };
            Some((place.starts_with("stack"), place, value, line.colour))
        });
        let (stack, registers): (Vec<_>, Vec<_>) = carried.partition(|(stack, ..)| *stack);
        for (heading, places) in [("registers", registers), ("stack, from the first argument up", stack)] {
            if places.is_empty() {
                continue;
            }
            writeln!(html, "<table><tr><th colspan=2>{heading}").expect(WRITTEN);
            for (_, place, value, colour) in places {
                let class = colour.map_or(String::new(), |slot| format!(" class=c{}", slot % COLOURS.len()));
                writeln!(html, "<tr><td>{}<td{class}>{}", escaped(place), escaped(value)).expect(WRITTEN);
            }
            html += "</table>\n";
        }
        for lines in [plan, asm] {
            html += "<pre>";
            for Line { text, colour } in lines {
                match colour {
                    Some(slot) => {
                        writeln!(html, "<span class=c{}>{}</span>", slot % COLOURS.len(), escaped(text))
                            .expect(WRITTEN);
                    }
                    None => writeln!(html, "{}", escaped(text)).expect(WRITTEN),
                }
            }
            html += "</pre><br>\n";
        }
        html += "</section>\n";
    }
    html
}

const WRITTEN: &str = "a String takes all that is written";

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn x86() -> Drawn {
        Drawn {
            title: "x86_64-unknown-linux-gnu".to_owned(),
            plan: "x86_64/sysv64 slots\n  rdi <- slot 0\n  xmm0 <- slot 1\n  stack+0 <- slot 2\n".to_owned(),
            asm: "   0:  movq %rdi, %r10\n   3:  movl (%rsi), %edi\n   6:  movsd 8(%rsi), %xmm0\n".to_owned(),
        }
    }

    fn colours(lines: &[Line<'_>]) -> Vec<Option<usize>> {
        lines.iter().map(|line| line.colour).collect()
    }

    #[test]
    fn a_move_and_its_instruction_have_one_colour() {
        let drawn = x86();
        let (plan, asm) = drawn.lines();
        assert_eq!(colours(&plan), [None, Some(0), Some(1), None]);
        assert_eq!(colours(&asm), [None, Some(0), Some(1)]);
        let upcall = Drawn {
            title: "aarch64-unknown-linux-gnu".to_owned(),
            plan: "  slot 0 <- x0[0..4] sign-extended\n  slot 1 <- v0\n".to_owned(),
            asm: "   0:  str d0, [sp, #8]\n   4:  sxtw x0, w0\n   8:  str x0, [sp]\n".to_owned(),
        };
        let (plan, asm) = upcall.lines();
        assert_eq!(colours(&plan), [Some(0), Some(1)]);
        assert_eq!(colours(&asm), [Some(1), None, Some(0)]);
    }

    #[test]
    fn columns_stand_beside_each_other_where_there_is_room() {
        let both = [x86(), x86()];
        let wide = side_by_side(&both, 200, Coloured::No);
        assert_eq!(
            wide.lines().filter(|line| line.matches("rdi <- slot 0").count() == 2).count(),
            1,
            "{wide}"
        );
        let narrow = side_by_side(&both, 40, Coloured::No);
        assert_eq!(narrow.lines().filter(|line| line.contains("rdi <- slot 0")).count(), 2, "{narrow}");
        assert!(!wide.contains('\x1b') && side_by_side(&both, 200, Coloured::Yes).contains("\x1b[36m"));
    }

    #[test]
    fn a_page_draws_registers_and_stack() {
        let html = page("int f(int, double, struct a<b>)", "slots", &[x86()]);
        for part in
            ["<td>rdi<td class=c0>slot 0", "stack, from the first", "<td>stack+0<td>slot 2", "a&lt;b&gt;"]
        {
            assert!(html.contains(part), "{part} is not in:\n{html}");
        }
    }
}
