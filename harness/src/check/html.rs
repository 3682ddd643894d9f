//! The report as one HTML file: no script needed, dark and light, printable.

use maud::{DOCTYPE, PreEscaped, html};

use super::{CheckReport, Verdict};

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1c2430;--paper:#fff;--line:#d8dee8;--good:#11703c;--bad:#b3261e;--soso:#8a5a00;--dim:#5a6676}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--paper:#12161c;--line:#2c3542;--good:#5fd394;--bad:#ff8a80;--soso:#f0b95a;--dim:#9aa7b8}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:0 auto;max-width:64rem;padding:2rem 1rem}
h1{font-size:1.5rem;margin:0 0 .25rem}p.target{color:var(--dim);margin:0 0 1.5rem;overflow-wrap:anywhere}
.counts{display:flex;flex-wrap:wrap;gap:.5rem;margin:0 0 1.5rem;padding:0}
.counts label{border:1px solid var(--line);border-radius:.5rem;padding:.25rem .75rem;cursor:pointer}
details{border:1px solid var(--line);border-radius:.5rem;margin:.5rem 0;padding:.5rem .75rem}
summary{cursor:pointer}summary code{margin-right:.5rem}
.pass b{color:var(--good)}.fail b{color:var(--bad)}.warn b,.skip b{color:var(--soso)}
dl{display:grid;grid-template-columns:6rem 1fr;gap:.25rem 1rem;margin:.75rem 0}dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}
pre{overflow:auto;background:color-mix(in srgb,var(--ink) 6%,transparent);padding:.75rem;border-radius:.5rem;white-space:pre-wrap;overflow-wrap:anywhere}
#hp:checked~main .pass,#hf:checked~main .fail,#hs:checked~main .skip,#hw:checked~main .warn{display:none}
input.hide{position:absolute;opacity:0}input.hide:checked+label{text-decoration:line-through;opacity:.6}
@media print{.counts{display:none}details{break-inside:avoid}}
";

pub(super) fn html(report: &CheckReport) -> String {
    let kinds = [
        ("hf", Verdict::Fail, "findings"),
        ("hw", Verdict::Warn, "warnings"),
        ("hs", Verdict::Skip, "skipped"),
        ("hp", Verdict::Pass, "passed"),
    ];
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "rehearsal " (report.command) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "rehearsal " (report.command) }
                p.target { (report.target) }
                @for (id, verdict, name) in kinds {
                    input.hide type="checkbox" id=(id);
                    label.counts for=(id) { (report.count(verdict)) " " (name) " — show or hide" }
                }
                main {
                    @for outcome in &report.outcomes {
                        details.(outcome.verdict.name()) id=(outcome.check.id) open[outcome.verdict == Verdict::Fail] {
                            summary {
                                code { (outcome.check.id) }
                                b { (outcome.verdict.name().to_uppercase()) } " "
                                (outcome.check.title)
                            }
                            dl {
                                dt { "Level" } dd { (outcome.check.level.name()) ", " (outcome.check.spec) }
                                @if outcome.verdict == Verdict::Skip {
                                    dt { "Not judged" } dd { (outcome.actual) }
                                } @else {
                                    dt { "Expected" } dd { (outcome.expected) }
                                    dt { "Actual" } dd { (outcome.actual) }
                                }
                                @if outcome.verdict != Verdict::Pass {
                                    dt { "Fix" } dd { (outcome.check.fix) }
                                }
                                dt { "Link" } dd { a href={ "#" (outcome.check.id) } { "#" (outcome.check.id) } }
                            }
                            @if !outcome.evidence.is_null() {
                                pre { (serde_json::to_string_pretty(&outcome.evidence).unwrap_or_default()) }
                            }
                        }
                    }
                }
            }
        }
    };
    page.into_string()
}
