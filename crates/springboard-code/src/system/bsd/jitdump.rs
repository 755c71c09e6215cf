//! There is no perf here.

use std::path::Path;

use crate::published::Published;

pub(crate) fn tell(_: &Path, _: &Published<'_>) {}
