"""The frame of a run report: one HTML page with its style and its only script, and nothing from elsewhere.

The page forbids every other script by its content policy, so that even text of an episode that were not
escaped could not run.
"""

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from html import escape

_LIGHT = (
    "--bg:#fbfbf9;--card:#fff;--ink:#20242b;--soft:#5c6470;--faint:#8b929d;--hair:#e4e5e1;--wash:#f1f2ee;"
    "--link:#0b5cad;--good:#00795a;--bad:#b3440a;--warn:#8a6100;--goodw:#e3f3ec;--badw:#fbe9df;--warnw:#fbf1d6;"
    "--us:#e8f0f8;--c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#b8619a;--c4:#c98a00;--c5:#3d9bd1;--c6:#6b6f76;"
    "--c7:#7a5a1e;--was:#9aa3af"
)
_DARK = (
    "--bg:#14171c;--card:#1b1f26;--ink:#e4e6e9;--soft:#a5adb8;--faint:#7b8490;--hair:#2d333c;--wash:#232830;"
    "--link:#7ab8ee;--good:#4cc9a0;--bad:#ff9a66;--warn:#e8bf5a;--goodw:#17332b;--badw:#3a2419;--warnw:#352c16;"
    "--us:#1d2f42;--c0:#4ba9e4;--c1:#ff8c4b;--c2:#35c795;--c3:#e097c4;--c4:#eeb43c;--c5:#92d0f5;--c6:#a9afb8;"
    "--c7:#c9a566;--was:#7d8794"
)
_STYLE = """
*{box-sizing:border-box}
html{scroll-behavior:smooth;scroll-padding-top:3.6rem;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue","Liberation Sans",Arial,sans-serif;font-variant-numeric:tabular-nums}
main,header,nav>div{max-width:76rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:2.6rem}
h1{font-size:2rem;line-height:1.2;font-weight:650;letter-spacing:-.015em;margin:.2rem 0 .4rem;
overflow-wrap:anywhere}
h2{font-size:1.3rem;font-weight:640;letter-spacing:-.01em;margin:3rem 0 .3rem;padding-top:1.1rem;
border-top:1px solid var(--hair)}
h3{font-size:.95rem;font-weight:620;margin:0 0 .15rem}
h4{font-size:.85rem;font-weight:600;margin:1rem 0 .3rem;color:var(--soft)}
p{margin:.35rem 0 .8rem;max-width:46rem}
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
.kicker{margin:0;color:var(--soft);font-size:.82rem;letter-spacing:.06em;text-transform:uppercase}
.soft,.reading,figcaption,.lead{color:var(--soft)}
.note{color:var(--faint);font-size:.85rem}
nav{position:sticky;top:0;z-index:2;margin-top:1.4rem;background:var(--bg);
border-bottom:1px solid var(--hair)}
nav>div{display:flex;gap:1.15rem;overflow-x:auto;padding-top:.6rem;padding-bottom:.6rem;
font-size:.88rem;
white-space:nowrap}
.verdict{display:flex;gap:.9rem;align-items:baseline;flex-wrap:wrap;margin:1.1rem 0 .2rem;
padding:1rem 1.2rem;
border-radius:.7rem;background:var(--wash);border-left:5px solid var(--faint);
font-size:1.12rem;line-height:1.45}
.verdict.good{background:var(--goodw);border-color:var(--good)}
.verdict.bad{background:var(--badw);border-color:var(--bad)}
.verdict.warn{background:var(--warnw);border-color:var(--warn)}
.verdict b{flex:none}.verdict span{flex:1 1 20rem}
.good>b,.pass{color:var(--good)}.bad>b,.fail{color:var(--bad)}.warn>b{color:var(--warn)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.4rem,1fr));gap:.8rem;margin:1rem 0}
.tile{padding:.75rem 1rem;border:1px solid var(--hair);border-radius:.7rem;background:var(--card)}
.tile small{display:block;color:var(--soft);font-size:.8rem}
.tile b{display:block;font-size:1.25rem;font-weight:620;letter-spacing:-.01em;line-height:1.4;
white-space:nowrap}
.tile i{font-style:normal;color:var(--faint);font-size:.8rem}
ol.first{margin:.4rem 0 0;padding-left:1.3rem;max-width:50rem}ol.first li{margin:.28rem 0}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,27rem),1fr));
grid-auto-flow:dense;gap:1rem;
margin:.9rem 0}
figure{margin:0;padding:1rem 1.1rem .8rem;background:var(--card);border:1px solid var(--hair);
border-radius:.7rem;
min-width:0;break-inside:avoid;display:flex;flex-direction:column}
figure>svg{margin-top:auto}h3 small{font-weight:400;color:var(--faint)}
main>section:first-child h2{border-top:0;margin-top:1rem}
figure.wide{grid-column:1/-1}
.reading{margin:0 0 .35rem;font-size:.9rem;line-height:1.45;max-width:none}
.about{margin:0 0 .55rem;font-size:.8rem;line-height:1.4;max-width:none;color:var(--faint)}
pre{margin:.3rem 0 1rem;padding:.6rem .9rem;border-radius:.5rem;background:var(--wash);overflow-x:auto}
pre code{overflow-wrap:normal}
.legend{display:flex;flex-wrap:wrap;gap:.1rem 1rem;margin:0 0 .3rem;font-size:.82rem;color:var(--soft)}
.legend svg{width:1.7rem;height:.6rem;margin-right:.35rem;display:inline-block;vertical-align:baseline}
.legend b{font-weight:600;color:var(--ink)}
svg{display:block;width:100%;height:auto;overflow:visible}
.t{font:11px system-ui,"Segoe UI","Liberation Sans",sans-serif;fill:var(--faint)}.e{text-anchor:end}
.m{text-anchor:middle}.lt{fill:var(--soft)}
.g{stroke:var(--hair);fill:none}.lim{stroke:var(--bad);stroke-dasharray:4 4;fill:none}
.ln{fill:none;stroke-width:2.1;stroke-linejoin:round;stroke-linecap:round}
.raw{fill:none;stroke-width:1;opacity:.32}.band{opacity:.15}.ar{opacity:.78;stroke:var(--card);
stroke-width:.6}
.h rect{fill:transparent}.h path{stroke:var(--faint);opacity:0}.h:hover path{opacity:.8}
.smalls{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,10.6rem),1fr));gap:.9rem 1.1rem}
.smalls div{font-size:.82rem;line-height:1.4}.smalls b{overflow-wrap:anywhere}
.smalls b{font-weight:600}.smalls i{font-style:normal;color:var(--soft);display:block}
.facts td:first-child{width:16rem}
.scroll{overflow-x:auto;margin:.7rem 0 1.1rem;border:1px solid var(--hair);border-radius:.7rem;
background:var(--card)}
table{border-collapse:collapse;width:100%;font-size:.88rem}
th,td{padding:.42rem .8rem;text-align:right;border-bottom:1px solid var(--hair);vertical-align:middle;
white-space:nowrap}
tr:last-child td{border-bottom:0}
th{font-weight:560;color:var(--soft);font-size:.8rem;line-height:1.3;white-space:normal}
td.l,th.l{text-align:left}td.l{overflow-wrap:anywhere;min-width:7rem;white-space:normal}
tr.idle td{color:var(--soft);font-style:italic}
.span{position:relative;min-width:8.5rem;height:1rem;
background:linear-gradient(var(--hair),var(--hair)) 0 50%/100% 1px
no-repeat}
.span i{position:absolute;top:50%;height:2px;margin-top:-1px;background:var(--c0);opacity:.55}
.span b{position:absolute;top:50%;width:9px;height:9px;margin:-4.5px 0 0 -4.5px;border-radius:50%;
background:var(--c0)}
.skills{display:grid;gap:.85rem;margin:.8rem 0}
.skill{display:grid;grid-template-columns:minmax(9rem,16rem) 1fr;gap:.2rem 1rem;align-items:center;
font-size:.88rem;
break-inside:avoid}
.skill small{color:var(--faint);display:block}
.bar{position:relative;height:.82rem;margin:2px 0;background:var(--wash);border-radius:3px}
.bar u{position:absolute;left:0;top:0;bottom:0;border-radius:3px;background:var(--c0)}
.bar.was u{background:var(--was)}
.bar i{position:absolute;top:50%;height:1.6px;margin-top:-.8px;background:var(--ink);
border:solid var(--ink);
border-width:0 1.6px}
.row{display:grid;grid-template-columns:1fr 12.5rem;gap:.7rem;align-items:center}
.row em{font-style:normal;color:var(--soft);font-size:.8rem}
details{break-inside:avoid-page}
details.pair,details.box{border:1px solid var(--hair);border-radius:.7rem;background:var(--card);
margin:.6rem 0}
details.pair>summary,details.box>summary{padding:.6rem 1rem;cursor:pointer;font-size:.92rem}
details.box>*:not(summary){margin-left:1rem;margin-right:1rem}
summary b{font-weight:600}summary .soft{font-size:.85rem}
.two{display:grid;grid-template-columns:1fr 1fr;border-top:1px solid var(--hair)}
.two>section{padding:.7rem 1rem 1rem;min-width:0}.two>section+section{border-left:1px solid var(--hair)}
.say{margin:.45rem 0;max-width:94%;padding:.42rem .75rem .5rem;border-radius:.75rem;background:var(--wash);
font-size:.86rem;line-height:1.45;overflow-wrap:anywhere;white-space:pre-wrap;width:fit-content}
.say>small{display:block;color:var(--faint);font-size:.72rem;white-space:normal}
.say.assistant{margin-left:auto;background:var(--us)}
.say.tool,.call{font-family:ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace;font-size:.76rem}
.say.tool{background:none;border:1px solid var(--hair)}
.say.environment{background:none;border:1px dashed var(--bad)}
.say.system{background:none;border:1px dotted var(--faint);color:var(--soft)}
.say>small{font-family:system-ui,"Segoe UI","Liberation Sans",sans-serif}
.call b{font-weight:650}
.say summary{cursor:pointer;color:var(--soft)}
.chip{display:inline-block;padding:0 .5rem;border-radius:1rem;font-size:.78rem;font-weight:600;
white-space:nowrap}
.chip.pass{background:var(--goodw)}.chip.fail{background:var(--badw)}
ul.tasks{columns:18rem;margin:.3rem 0 1rem;padding-left:1.1rem;font-size:.85rem;overflow-wrap:anywhere}
code{font-family:ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace;font-size:.86em;
overflow-wrap:anywhere}
button{font:inherit;font-size:.85rem;color:var(--link);background:none;border:1px solid var(--hair);
border-radius:.5rem;padding:.2rem .7rem;cursor:pointer}
.no-js button{display:none}
footer{margin:3rem 0 2rem;color:var(--faint);font-size:.82rem}
@media (max-width:46rem){body{font-size:15px}h1{font-size:1.6rem}header{padding-top:1.4rem}
main,header,nav>div{padding-left:.9rem;padding-right:.9rem}.two{grid-template-columns:1fr}
.two>section+section{border-left:0;border-top:1px solid var(--hair)}.skill{grid-template-columns:1fr}
.row{grid-template-columns:1fr 9.4rem}figure{padding:.8rem .8rem .6rem}.t{font-size:13px}
.span{min-width:6rem}td,th{padding-left:.6rem;padding-right:.6rem}.tile b{font-size:1.15rem}}
@media print{nav,button{display:none}body{background:#fff;font-size:10.5pt}figure,.tile,.scroll{
break-inside:avoid}
h2{break-after:avoid}.charts{grid-template-columns:1fr 1fr}a{color:inherit}}
"""
_SCRIPT = """
document.documentElement.classList.remove("no-js");
const all = (open) => document.querySelectorAll("details").forEach((each) => { each.open = open; });
const pairs = () => document.querySelectorAll("details.pair");
document.querySelectorAll("button[data-open]").forEach((button) => button.addEventListener("click", () => {
  const open = button.dataset.open === "yes";
  pairs().forEach((each) => { each.open = open; });
}));
addEventListener("beforeprint", () => all(true));
"""


def page(title: str, header: str, sections: Sequence[tuple[str, str, str]]) -> str:
    """Return the whole page.

    Args:
        title: Plain text.
        header: HTML above everything.
        sections: (anchor, heading as plain text, HTML).
    """
    allowed = b64encode(sha256(_SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{allowed}'"
    links = "".join(f'<a href="#{anchor}">{escape(heading)}</a>' for anchor, heading, _ in sections)
    body = "".join(
        f'<section id="{anchor}"><h2>{escape(heading)}</h2>{inside}</section>\n'
        for anchor, heading, inside in sections
    )
    style = (
        f":root{{color-scheme:light dark;{_LIGHT}}}"
        f"@media (prefers-color-scheme:dark) and (not print){{:root{{{_DARK}}}}}{_colours()}{_STYLE}"
    )
    return (
        '<!doctype html>\n<html lang="en" class="no-js">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f"<header>{header}</header>\n<nav><div>{links}</div></nav>\n<main>\n{body}"
        "<footer>Written by simenv from the files of the run folder; the same files give the same page. "
        "Intervals are 95 % and, for rates, Wilson's; a rate rose or fell where that of the difference "
        "(Newcombe's) leaves out 0, another series where its ends differ by more than twice their noise. "
        "Bold lines are medians of neighbouring steps, for rates their common rate.</footer>\n</main>\n"
        f"<script>{_SCRIPT}</script>\n</body>\n</html>\n"
    )


def _colours() -> str:
    return "".join(f".s{at}{{stroke:var(--c{at})}}.f{at}{{fill:var(--c{at})}}" for at in range(8))
