"""The stylesheet of pages and fragments, for light and dark colour schemes.

Only pages set text and background colours: the notebook around a fragment has its own.
"""

PAGE = """
body { margin: 2em auto; max-width: 75em; padding: 0 1.5em; background: #ffffff; color: #1f2328; }
@media (prefers-color-scheme: dark) { body { background: #16181c; color: #e6e8eb; } }
.picture { overflow-x: auto; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
@media print { body { margin: 0; max-width: none; padding: 0; } }"""
"""Rules for pages only."""

STYLES = """
.attncli { font: 15px/1.45 system-ui, sans-serif; }
.attncli + .attncli { margin-top: 3em; }
.attncli h1 { font-size: 1.3em; margin: 0 0 1em; }
.attncli h2 { font-size: 1em; font-weight: 400; margin: 0 0 .2em; }
.attncli .steps { display: flex; flex-wrap: wrap; gap: 1.6em 3em; margin-bottom: 1.6em; }
.attncli section { max-width: 100%; break-inside: avoid; }
.attncli .matrices { display: flex; flex-wrap: wrap; gap: 1em 3em; }
.attncli .matrices > div { max-width: 100%; overflow-x: auto; }
.attncli table { border-collapse: collapse; border: 0; }
.attncli caption { text-align: left; }
.attncli th { font-weight: 400; max-width: 16em; overflow: hidden; text-overflow: ellipsis; }
.attncli th, .attncli td { padding: .1em .6em; text-align: right; vertical-align: baseline; white-space: pre; }
.attncli tbody th { text-align: left; }
.attncli td { font: .93em/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.attncli td[style] { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
.attncli small, .attncli caption, .attncli th, .attncli .margin { opacity: .7; }
.attncli thead th { border-bottom: 1px solid #80808099; }
.attncli .first { border-left: 1px solid #80808099; }
.attncli .below > * { border-top: 1px solid #80808099; }
.attncli .below ~ .below > * { border-top: 0; }
.attncli .arithmetic { margin-top: .6em; }
.attncli .arithmetic th { opacity: 1; }
.attncli .arithmetic td { text-align: left; white-space: normal; }
.attncli .arithmetic td > span { display: inline-block; }
.attncli .arithmetic span span { white-space: nowrap; }
.attncli .report > tbody > tr > * { vertical-align: top; text-align: left; padding: .3em .8em .3em 0; }
.attncli .report td { font: inherit; white-space: normal; }
.attncli .report th { opacity: 1; font-weight: 600; white-space: nowrap; }
.attncli .right th, .attncli td .right { color: #1a7f37; }
.attncli .wrong th, .attncli .yours { color: #c21c2c; }
.attncli .follows th { color: #7d4e00; }
.attncli .cells td { padding: 0 1.2em 0 0; text-align: right; font-variant-numeric: tabular-nums; }
.attncli .cells td:first-child { text-align: left; }
@media (prefers-color-scheme: dark) {
  .attncli .right th, .attncli td .right { color: #57d38c; }
  .attncli .wrong th, .attncli .yours { color: #ff8a80; }
  .attncli .follows th { color: #e3b341; }
}
"""
"""Rules for traces and reports, on a page or in a fragment."""
