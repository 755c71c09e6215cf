//! The ratios of a report as a picture: one group of bars per case, one bar per path.

use std::{error::Error, path::Path};

use plotters::{
    chart::{ChartBuilder, ChartContext, SeriesLabelPosition},
    coord::{
        CoordTranslate,
        combinators::{BindKeyPoints, IntoLogRange},
        ranged1d::{IntoSegmentedCoord, SegmentValue},
    },
    element::Rectangle,
    prelude::{DrawingAreaErrorKind, DrawingBackend, IntoDrawingArea, SVGBackend},
    style::{BLACK, Color, RGBColor, TRANSPARENT, WHITE},
};

use crate::{
    case::{DIRECT, Group},
    report::{Report, Row},
};

/// Width of the picture, in pixels.
const WIDTH: u32 = 900;
/// Height of one bar, in pixels.
const BAR: usize = 11;
/// Height of what is above and below the bars, in pixels.
const MARGIN: u32 = 110;
/// Direct calls differ among themselves by so much; what is less is drawn as this.
const LEAST: f64 = 0.9;

/// Ratios that the axis names.
const MARKS: [f64; 7] = [1.0, 1.5, 2.0, 5.0, 10.0, 20.0, 50.0];

/// A path's colour. Springboard's own are dark.
const COLOURS: [(&str, RGBColor); 6] = [
    ("typed", RGBColor(0x1b, 0x9e, 0x77)),
    ("slots", RGBColor(0x0b, 0x5c, 0x8c)),
    ("jit-module", RGBColor(0xe6, 0xab, 0x02)),
    ("call", RGBColor(0x75, 0x70, 0xb3)),
    ("libffi", RGBColor(0xd9, 0x5f, 0x02)),
    ("fallback", RGBColor(0xa6, 0x76, 0x1d)),
];

/// Draws the rows that are compared with a direct call.
///
/// # Errors
/// A sentence, where there is nothing to draw or the file cannot be written.
pub(crate) fn draw(report: &Report, file: &Path) -> Result<(), String> {
    let rows: Vec<&Row> = report.rows.iter().filter(|row| row.path != DIRECT).collect();
    let mut cases: Vec<&str> = Vec::new();
    for row in rows.iter().filter(|row| row.ratio_least.is_some()) {
        if !cases.contains(&row.case.as_str()) {
            cases.push(&row.case);
        }
    }
    let service: Vec<&Row> = report.rows.iter().filter(|row| row.group == Group::Service).collect();
    let drawn = match (cases.is_empty(), service.is_empty()) {
        (false, _) => chart(&rows, &cases, file),
        (true, false) => service_chart(&service, file),
        (true, true) => return Err("nothing to draw: no call was measured".to_owned()),
    };
    drawn.map_err(|error| format!("{}: {error}", file.display()))
}

/// Colours of neighbouring cases.
const TURNS: [RGBColor; 2] = [RGBColor(0x0b, 0x5c, 0x8c), RGBColor(0x1b, 0x9e, 0x77)];

/// Times that are compared with nothing but each other: a bar per row, by their medians.
fn service_chart(rows: &[&Row], file: &Path) -> Result<(), Box<dyn Error>> {
    let height = MARGIN + u32::try_from(rows.len() * (BAR + 5))?;
    let most = rows.iter().map(|row| row.ns_median).fold(100.0, f64::max) * 2.0;
    let least = 10.0;
    let place = |index: usize| rows.len() - 1 - index;
    let name = |bar: &usize| {
        let row = rows[place(*bar).min(rows.len() - 1)];
        format!("{}, {}", row.case, row.path)
    };
    let area = SVGBackend::new(file, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("median time of one, in nanoseconds", ("sans-serif", 16))
        .margin(8)
        .x_label_area_size(32)
        .y_label_area_size(190)
        .build_cartesian_2d((least..most).log_scale(), (0..rows.len() - 1).into_segmented())?;
    let segment_name = |segment: &SegmentValue<usize>| match segment {
        SegmentValue::CenterOf(bar) => name(bar),
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .light_line_style(TRANSPARENT)
        .y_labels(rows.len())
        .y_label_formatter(&segment_name)
        .x_label_formatter(&|ns| match ns {
            ns if *ns >= 1e6 => format!("{} ms", ns / 1e6),
            ns if *ns >= 1e3 => format!("{} µs", ns / 1e3),
            ns => format!("{ns} ns"),
        })
        .label_style(("sans-serif", 13))
        .draw()?;
    let mut turn = 0;
    for (index, row) in rows.iter().enumerate() {
        turn += usize::from(index > 0 && rows[index - 1].case != row.case);
        let bar = place(index);
        let ends =
            [(least, SegmentValue::Exact(bar)), (row.ns_median.max(least), SegmentValue::Exact(bar + 1))];
        let mut rectangle = Rectangle::new(ends, TURNS[turn % TURNS.len()].filled());
        rectangle.set_margin(2, 2, 0, 0);
        chart.draw_series([rectangle])?;
    }
    area.present()?;
    Ok(())
}

fn chart(rows: &[&Row], cases: &[&str], file: &Path) -> Result<(), Box<dyn Error>> {
    let slots = COLOURS.len() + 1;
    let height = MARGIN + u32::try_from(cases.len() * slots * BAR)?;
    let most = rows.iter().filter_map(|row| row.ratio_least).fold(10.0, f64::max) * 1.2;
    // A case's name stands in the middle of its bars.
    let middles: Vec<_> = (0..cases.len()).map(|group| group * slots + slots / 2).collect();
    let name = |middle: &usize| cases[cases.len() - 1 - middle / slots].to_owned();
    let area = SVGBackend::new(file, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("least time of a call ÷ least time of a direct call", ("sans-serif", 16))
        .margin(8)
        .x_label_area_size(32)
        .y_label_area_size(130)
        .build_cartesian_2d(
            (LEAST..most).log_scale().with_key_points(MARKS.to_vec()),
            (0..cases.len() * slots).with_key_points(middles),
        )?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .light_line_style(TRANSPARENT)
        .y_label_formatter(&name)
        .x_label_formatter(&|ratio| format!("{ratio}×"))
        .label_style(("sans-serif", 13))
        .draw()?;
    for (place, (path, colour)) in COLOURS.iter().enumerate() {
        let bars = rows.iter().filter(|row| row.path == *path).filter_map(|row| {
            let group = cases.iter().position(|case| *case == row.case)?;
            // From the top: the first case, and its first path.
            let top = (cases.len() - group) * slots - place;
            let ratio = row.ratio_least?.max(LEAST);
            Some(Rectangle::new([(LEAST, top - 1), (ratio, top)], colour.filled()))
        });
        chart
            .draw_series(bars)?
            .label(*path)
            .legend(move |(x, y)| Rectangle::new([(x, y - 4), (x + 12, y + 4)], colour.filled()));
    }
    legend(&mut chart)?;
    area.present()?;
    Ok(())
}

/// Says which colour is which, in the upper right corner.
pub(crate) fn legend<'a, DB: DrawingBackend + 'a, CT: CoordTranslate>(
    chart: &mut ChartContext<'a, DB, CT>,
) -> Result<(), DrawingAreaErrorKind<DB::ErrorType>> {
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.9))
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", 13))
        .draw()
}
