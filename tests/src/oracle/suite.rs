//! Cases: numbers that stand for signatures.

use std::{fmt, str::FromStr};

use fastrand::Rng;
use springboard_abi::{Convention, Target};
use springboard_ir::{NamedConvention, Signature};

use crate::{
    decorated::{self, Decorated},
    oracle::{advisories, matrix, shrink, signature},
};

/// Where signatures come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// Random scalars, up to 40 of them.
    Scalars,
    /// Random types of every kind, up to 64 of them, variadic calls included.
    All,
    /// Every small signature, in order; the seed decides values alone.
    Matrix,
    /// Structures of decorated C text, which the compiler reads as it was drawn.
    Declarations,
    /// What libffi's advisories are about, in order; the seed decides values alone.
    Advisories,
}

impl Source {
    /// How many cases there are, where they are counted.
    pub fn cases(self) -> Option<u64> {
        match self {
            Source::Scalars | Source::All | Source::Declarations => None,
            Source::Matrix => Some(matrix::CASES),
            Source::Advisories => Some(advisories::CASES),
        }
    }
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Source, String> {
        [Source::Scalars, Source::All, Source::Matrix, Source::Declarations, Source::Advisories]
            .into_iter()
            .find(|source| source.to_string() == text)
            .ok_or_else(|| format!("`{text}` is not one of scalars, all, matrix, declarations, advisories"))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Scalars => "scalars",
            Source::All => "all",
            Source::Matrix => "matrix",
            Source::Declarations => "declarations",
            Source::Advisories => "advisories",
        })
    }
}

/// What a run draws its cases from. Equal suites have equal cases.
#[derive(Clone, Copy, Debug)]
pub struct Suite {
    /// Where signatures come from.
    pub source: Source,
    /// What makes one run differ from another.
    pub seed: u64,
    /// Whose types and whose calling convention.
    pub target: Target,
}

/// One case of a suite, written `17`; or what is left of it after shrinking, written `17:0.3.2`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Case {
    /// Its number in the suite.
    pub number: u64,
    /// The cuts that were made one after the other, each by its number among those that were possible then.
    pub cuts: Vec<usize>,
}

impl Case {
    /// A case as it was drawn.
    pub fn whole(number: u64) -> Case {
        Case { number, cuts: Vec::new() }
    }
}

impl Suite {
    /// The signature of a case.
    ///
    /// # Panics
    /// Where a cut of the case is not one of the possible ones.
    pub fn signature(&self, case: &Case) -> Signature {
        let mut rng = self.rng(case, 0);
        let drawn = match self.source {
            Source::Scalars => signature::scalars(&mut rng, case.number),
            Source::All => signature::all(&mut rng, case.number, &self.target.model),
            Source::Matrix => matrix::signature(case.number),
            Source::Advisories => advisories::signature(case.number),
            Source::Declarations => {
                let types = self.decorated(case).types;
                signature::decorated(&mut rng, &types)
            }
        };
        let signature =
            case.cuts.iter().fold(drawn, |signature, cut| shrink::cuts(&signature).swap_remove(*cut));
        match (self.target.convention, self.target.caller) {
            (Convention::Win64, Convention::Sysv64) => signature.called_by(NamedConvention::Microsoft),
            _ => signature,
        }
    }

    /// What the text of a case declares.
    fn decorated(&self, case: &Case) -> Decorated {
        decorated::draw(&mut self.rng(case, 7), &format!("d{}_", case.number), &self.target.model)
    }

    /// C text that defines types of a case, where it is not for [`c`](super::c) to write.
    pub(crate) fn definitions(&self, case: &Case) -> String {
        match self.source {
            Source::Declarations => self.decorated(case).text,
            _ => String::new(),
        }
    }

    /// The case with one more cut, for every cut that is possible.
    pub fn children(&self, case: &Case) -> Vec<Case> {
        // Text is not cut.
        let count = match self.source {
            Source::Declarations => 0,
            _ => shrink::cuts(&self.signature(case)).len(),
        };
        let child = |cut| {
            let mut child = case.clone();
            child.cuts.push(cut);
            child
        };
        (0..count).map(child).collect()
    }

    /// Random numbers that only the seed, the case's number and `stream` decide.
    pub(crate) fn rng(&self, case: &Case, stream: u64) -> Rng {
        let mut seed = self.seed;
        for word in [case.number, stream] {
            seed = Rng::with_seed(seed ^ word.wrapping_mul(0x9e37_79b9_7f4a_7c15)).u64(..);
        }
        Rng::with_seed(seed)
    }
}

impl FromStr for Case {
    type Err = String;

    fn from_str(text: &str) -> Result<Case, String> {
        let (number, cuts) = text.split_once(':').unwrap_or((text, ""));
        let wrong = |error| format!("`{text}` is no case: {error}");
        Ok(Case {
            number: number.parse().map_err(wrong)?,
            cuts: cuts
                .split('.')
                .filter(|cut| !cut.is_empty())
                .map(|cut| cut.parse().map_err(wrong))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number)?;
        for (index, cut) in self.cuts.iter().enumerate() {
            write!(f, "{}{cut}", if index == 0 { ':' } else { '.' })?;
        }
        Ok(())
    }
}
