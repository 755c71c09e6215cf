//! There is no perf here.

use crate::published::Published;

pub(crate) fn tell(_: &Published<'_>) {}
