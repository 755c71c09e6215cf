//! Curves as a picture.

use std::{error::Error, path::Path};

use plotters::{
    chart::ChartBuilder,
    element::{Circle, PathElement},
    prelude::{IntoDrawingArea, SVGBackend},
    series::LineSeries,
    style::{Color, RGBColor, WHITE},
};

use crate::{plot::legend, report::Machine};

/// What an axis shows. A logarithmic one has marks at powers of two or of ten.
#[derive(Clone, Copy)]
pub(super) enum Axis {
    Linear(&'static str),
    Log2(&'static str),
    Log10(&'static str),
}

/// Points of one kind, in the order of their first coordinate.
pub(super) struct Series {
    name: &'static str,
    points: Vec<(f64, f64)>,
}

/// A picture.
pub(super) struct Chart {
    pub(super) title: &'static str,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) series: Vec<Series>,
}

const COLOURS: [RGBColor; 3] =
    [RGBColor(0x0b, 0x5c, 0x8c), RGBColor(0xd9, 0x5f, 0x02), RGBColor(0x1b, 0x9e, 0x77)];

impl Axis {
    fn name(self) -> &'static str {
        let (Axis::Linear(name) | Axis::Log2(name) | Axis::Log10(name)) = self;
        name
    }

    /// Where a value lies on the axis.
    fn at(self, value: f64) -> f64 {
        match self {
            Axis::Linear(_) => value,
            Axis::Log2(_) => value.log2(),
            Axis::Log10(_) => value.log10(),
        }
    }

    /// What a mark on the axis says.
    fn mark(self, at: f64) -> String {
        let value = match self {
            Axis::Linear(_) => at,
            Axis::Log2(_) => at.exp2(),
            Axis::Log10(_) => 10f64.powf(at),
        };
        if value >= 10.0 {
            format!("{value:.0}")
        } else {
            format!("{:.3}", value).trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    }

    /// From its least to its greatest value. A linear axis begins at 0, a logarithmic one at a whole power.
    fn range(self, values: impl Iterator<Item = f64>) -> std::ops::Range<f64> {
        let (least, most) = values
            .map(|value| self.at(value))
            .fold((f64::MAX, f64::MIN), |(least, most), at| (least.min(at), most.max(at)));
        match self {
            Axis::Linear(_) => 0.0..most * 1.05,
            Axis::Log2(_) | Axis::Log10(_) => least.floor()..most.ceil().max(least.floor() + 1.0),
        }
    }
}

impl Series {
    pub(super) fn new(name: &'static str) -> Series {
        Series { name, points: Vec::new() }
    }

    pub(super) fn push(&mut self, x: f64, y: f64) {
        self.points.push((x, y));
    }
}

impl Chart {
    /// Draws it, with the machine that it was measured on and the date.
    pub(super) fn draw(&self, machine: &Machine, file: &Path) -> Result<(), String> {
        self.drawn(machine, file).map_err(|error| format!("{}: {error}", file.display()))
    }

    fn drawn(&self, machine: &Machine, file: &Path) -> Result<(), Box<dyn Error>> {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let area = SVGBackend::new(file, (760, 440)).into_drawing_area();
        area.fill(&WHITE)?;
        let (x, y) =
            (self.x.range(points().map(|point| point.0)), self.y.range(points().map(|point| point.1)));
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, ("sans-serif", 16))
            .margin(8)
            .x_label_area_size(56)
            .y_label_area_size(64)
            .build_cartesian_2d(x, y)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_desc(format!(
                "{} ({}, Linux {}, {})",
                self.x.name(),
                machine.cpu,
                machine.kernel,
                machine.date
            ))
            .y_desc(self.y.name())
            .x_label_formatter(&|at| self.x.mark(*at))
            .y_label_formatter(&|at| self.y.mark(*at))
            .label_style(("sans-serif", 13))
            .draw()?;
        for (series, colour) in self.series.iter().zip(COLOURS) {
            let placed: Vec<_> = series.points.iter().map(|(x, y)| (self.x.at(*x), self.y.at(*y))).collect();
            chart
                .draw_series(LineSeries::new(placed.iter().copied(), colour.stroke_width(2)))?
                .label(series.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
            chart.draw_series(placed.iter().map(|at| Circle::new(*at, 3, colour.filled())))?;
        }
        legend(&mut chart)?;
        area.present()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Axis;

    #[test]
    fn marks_say_values() {
        assert_eq!(Axis::Log2("").mark(Axis::Log2("").at(1024.0)), "1024");
        assert_eq!(Axis::Log10("").mark(-1.0), "0.1");
        assert_eq!(Axis::Linear("").mark(2.5), "2.5");
        assert_eq!(Axis::Log2("").range([1.0, 6.0].into_iter()), 0.0..3.0);
        assert_eq!(Axis::Linear("").range([1.0, 100.0].into_iter()), 0.0..105.0);
    }
}
