"""The style of the page, light, dark and printed. The page's policy allows this text and no other.

Each pair of colours that text is written in has a contrast of 4.5 at least in both schemes, and
each bar one of 3 against what is behind it: a test in a browser measures them.
"""

from __future__ import annotations

import base64
import hashlib

CSS = """
:root{color-scheme:light dark;--ground:#fff;--raised:#f4f6f8;--ink:#1b1f24;--soft:#57606a;
--rule:#d0d7de;--link:#0550ae;--issued:#0a6b8f;--refused:#a84300;--failed:#9b1c31;--odd:#fff3d6}
@media(prefers-color-scheme:dark){:root{--ground:#14171a;--raised:#1f2429;--ink:#e6e8eb;
--soft:#a2abb5;--rule:#3d454d;--link:#79b8ff;--issued:#4db6d9;--refused:#f0a04b;--failed:#ff8a9a;
--odd:#3a3017}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);
font:15px/1.5 system-ui,"Liberation Sans","DejaVu Sans",sans-serif}
header,nav,main,footer{max-width:76rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:1.5rem}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 .3rem}
h2{font-size:1.3rem;margin:2.2rem 0 .5rem;padding-top:.8rem;border-top:2px solid var(--rule)}
h3{font-size:1.05rem;margin:1.5rem 0 .3rem}
p{margin:.4rem 0 .6rem;max-width:60rem}
a{color:var(--link)}
a:focus-visible,summary:focus-visible,[tabindex]:focus-visible{outline:3px solid var(--link);
outline-offset:2px}
:target{background:var(--odd)}
.soft,caption{color:var(--soft)}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;list-style:none;padding:.6rem 0 0;margin:0}
bdi,code,dd{overflow-wrap:anywhere}
code{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:.9em}
.wide{overflow-x:auto}
table{border-collapse:collapse;min-width:34rem;margin:.2rem 0 .6rem;font-size:.93rem}
caption{text-align:left;padding:.2rem 0 .3rem}
th,td{text-align:left;vertical-align:top;padding:.25rem .9rem .25rem 0;
border-bottom:1px solid var(--rule)}
thead th{border-bottom:2px solid var(--rule)}
tbody th{font-weight:normal}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.whole{white-space:nowrap;font-variant-numeric:tabular-nums}
.words{min-width:8rem}.names{min-width:15rem}
summary{cursor:pointer;padding:.2rem 0}
figure{margin:.5rem 0}
svg{display:block;max-width:100%;height:auto}
svg text{fill:var(--ink);font-size:12px}
svg .axis{fill:var(--soft)}
svg .grid{stroke:var(--rule)}
svg .issued{fill:var(--issued)}
svg .ground{fill:var(--ground)}
svg .refused{stroke:var(--refused);stroke-width:3}
svg .failed{fill:var(--failed)}
svg .unfinished{stroke:var(--soft);stroke-width:1.5}
svg .refused-edge{stroke:var(--refused);fill:none}
svg .failed-edge{stroke:var(--failed);fill:none}
svg .unfinished-edge{stroke:var(--soft);fill:none}
dl{display:grid;grid-template-columns:minmax(9rem,auto) 1fr;gap:.1rem 1rem;margin:.3rem 0 1rem;
font-size:.93rem}
dt{color:var(--soft)}dd{margin:0}
.printed{display:none}
footer{padding:2rem 1.25rem}
@media print{:root{--ground:#fff;--raised:#fff;--ink:#000;--soft:#444;--rule:#999;--link:#000;
--issued:#0a6b8f;--refused:#a84300;--failed:#9b1c31;--odd:#fff}
body{font-size:10pt}a{text-decoration:none}nav,#vends,#records,figure details{display:none}
.printed{display:block}.wide{overflow:visible}table{min-width:0}
h2,h3,caption{break-after:avoid}tr,figure{break-inside:avoid}}
"""


def policy() -> str:
    """Return the Content-Security-Policy of the page: this style, and nothing else of any kind."""
    digest = base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
