//! Plots as inline SVG, without a script: a title for screen readers, axes with round numbers,
//! and lines.

use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};

/// Size of the drawing, in units of SVG.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 220.0;
/// Room for the numbers of the axes.
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 28.0;
const TOP: f64 = 10.0;
const RIGHT: f64 = 12.0;

/// A line of a plot.
pub(super) struct Line {
    /// Name in the legend.
    pub(super) name: &'static str,
    /// Color, as CSS.
    pub(super) color: &'static str,
    /// Points by x.
    pub(super) points: Vec<(f64, f64)>,
}

/// A plot.
pub(super) struct Plot<'p> {
    pub(super) title: &'p str,
    /// Label of the x axis, with its unit.
    pub(super) x: &'p str,
    /// Label of the y axis, with its unit.
    pub(super) y: &'p str,
    /// The marks of the x axis: their positions and texts.
    pub(super) marks: Vec<(f64, String)>,
    pub(super) lines: Vec<Line>,
}

/// Returns a step between marks that is 1, 2 or 5 times a power of ten, so that about `marks` of
/// them reach `most`.
pub(super) fn step(most: f64, marks: f64) -> f64 {
    if most <= 0.0 || !most.is_finite() {
        return 1.0;
    }
    let raw = most / marks;
    let power = 10_f64.powf(raw.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0];
    let fits = factor.iter().find(|it| **it * power >= raw * 0.999);
    fits.unwrap_or(&10.0) * power
}

/// Returns the marks from 0 to `most`.
pub(super) fn marks(most: f64, count: f64) -> Vec<f64> {
    let step = step(most, count);
    let mut all = vec![0.0];
    let mut at = step;
    while at <= most * 1.0001 && all.len() < 50 {
        all.push(at);
        at += step;
    }
    all
}

/// Formats a number without unnecessary decimal places.
pub(super) fn number(value: f64) -> String {
    if value.fract().abs() < 1e-9 {
        format!("{value:.0}")
    } else if value.abs() >= 1.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}

impl Plot<'_> {
    pub(super) fn markup(&self) -> Markup {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let most_x = points().map(|it| it.0).fold(0.0, f64::max).max(1e-9);
        let highest = points().map(|it| it.1).fold(0.0, f64::max);
        let step = step(highest, 4.0);
        let most_y = ((highest / step).ceil() * step).max(step);
        let at_x = |x: f64| LEFT + x / most_x * (WIDTH - LEFT - RIGHT);
        let at_y = |y: f64| HEIGHT - BOTTOM - y / most_y * (HEIGHT - BOTTOM - TOP);
        let mut svg = String::new();
        for mark in marks(most_y, 4.0) {
            let y = at_y(mark);
            let _ = write!(
                svg,
                "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"var(--rule)\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                y + 4.0,
                number(mark)
            );
        }
        for (mark, text) in &self.marks {
            let x = at_x(*mark);
            // The last number, if centered, would extend beyond the drawing.
            let anchor = if x > WIDTH - 40.0 { "end" } else { "middle" };
            let _ = write!(
                svg,
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{}\" stroke=\"var(--rule)\"/><text x=\"{x:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{text}</text>",
                HEIGHT - BOTTOM,
                HEIGHT - 8.0
            );
        }
        for line in &self.lines {
            let path: Vec<String> = line
                .points
                .iter()
                .map(|(x, y)| format!("{:.1},{:.1}", at_x(*x), at_y(*y)))
                .collect();
            let color = line.color;
            if let [only] = path.as_slice() {
                let (x, y) = only.split_once(',').unwrap_or_default();
                let _ = write!(
                    svg,
                    "<circle cx=\"{x}\" cy=\"{y}\" r=\"3\" fill=\"{color}\"/>"
                );
            } else {
                let _ = write!(
                    svg,
                    "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>",
                    path.join(" ")
                );
            }
        }
        let view = format!("0 0 {WIDTH} {HEIGHT}");
        let label = format!("{}: {} over {}", self.title, self.y, self.x);
        html! {
            section {
                h2 { (self.title) }
                p.quiet {
                    (self.y) " over " (self.x)
                    @for line in &self.lines {
                        "   "
                        svg width="14" height="10" aria-hidden="true" {
                            (PreEscaped(format!("<rect width=\"14\" height=\"4\" y=\"3\" fill=\"{}\"/>", line.color)))
                        }
                        " " (line.name)
                    }
                }
                svg.plot viewBox=(view) width="100%" role="img" aria-label=(label) font-size="12" fill="currentColor" {
                    (PreEscaped(svg))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_numbers() {
        assert_eq!(marks(100.0, 4.0), [0.0, 50.0, 100.0]);
        assert_eq!(marks(7.0, 4.0), [0.0, 2.0, 4.0, 6.0]);
        assert_eq!(marks(0.0, 4.0), [0.0]);
        assert!(marks(0.03, 4.0).len() > 2);
    }

    #[test]
    fn a_plot_without_points_is_drawn() {
        let plot = Plot {
            title: "Rate",
            x: "seconds",
            y: "per second",
            marks: Vec::new(),
            lines: vec![Line {
                name: "all",
                color: "red",
                points: Vec::new(),
            }],
        };
        let drawn = plot.markup().into_string();
        assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
    }
}
