"""Writes the generated documentation from the checks and profiles themselves; `--check` only compares.

python docs/generate.py          write README's table and the pages of checks, platforms and profiles
python docs/generate.py --check  exit 1 and name what is out of date
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # benchmarks is not installed

from benchmarks.limiter_calibration import table as limiter_table
from dsp.checks import Check, all_checks
from dsp.profile import Profile, load_instruments, load_platforms, load_profile, profile_names

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- checks -->", "<!-- /checks -->"
ACCURACY = "<!-- limiter -->", "<!-- /limiter -->"


def first_sentence(check: Check) -> str:
    """The first sentence of *Why it matters*."""
    text = " ".join(check.doc.split("\n\n")[0].removeprefix("**Why it matters.**").split())
    return text.split(". ")[0].rstrip(".") + "."


def table(checks: tuple[Check, ...]) -> str:
    """README's table of what is found."""
    rows = [f"| [`{c.id}`](docs/checks.md#{c.id}) | {c.title} | {first_sentence(c)} |" for c in checks]
    return "\n".join([BEGIN, "| check | looks at | why |", "|---|---|---|", *rows, END])


def checks_page(checks: tuple[Check, ...]) -> str:
    """docs/checks.md: what `mixdiagnose explain` prints, for all checks."""
    head = "# The checks\n\nGenerated from the checks themselves; `mixdiagnose explain ID` prints the same.\n"
    return head + "".join(f"\n## {c.id}\n\n{c.title} ({c.dimension}).\n\n{c.doc}\n" for c in checks)


def profiles_page(profiles: list[Profile]) -> str:
    """docs/profiles.md: every threshold with its source."""
    lines = ["# The profiles", "", "Generated from `presets/profiles`. Numbers marked *ours* are our judgement."]
    for profile in profiles:
        lines += ["", f"## {profile.name}: {profile.title}", "", profile.description, ""]
        lines += ["| check | threshold | value | source |", "|---|---|--:|---|"]
        for check, thresholds in sorted(profile.checks.items()):
            for key, t in thresholds.items():
                source = t.source + (" *(ours)*" if t.judgement else "")
                lines.append(f"| {check} | `{key}` | {t.value:g} | {source} |")
    return "\n".join(lines) + "\n"


def platforms_page() -> str:
    """docs/platforms.md: what services do with level, and how sure that is."""
    lines = ["# Music services", "", "Generated from `presets/platforms.toml`. *Measured*: by others, on the service."]
    lines += ["", "| platform | plays at | turns up? | ceiling | sure? | source (date) |", "|---|--:|---|--:|---|---|"]
    for p in load_platforms():
        up = f"{p.turns_up}, into a limiter" if p.limiter else p.turns_up
        ceiling = "" if p.ceiling_dbtp is None else f"{p.ceiling_dbtp:g} dBTP"
        source = f"{p.source} ({p.date})" + (f". {p.note}" if p.note else "")
        lines.append(f"| {p.title} | {p.reference_lufs:g} LUFS | {up} | {ceiling} | {p.certainty} | {source} |")
    return "\n".join(lines) + "\n"


def instruments_page() -> str:
    """docs/instruments.md: what stems are called, and what those of each role are judged by."""
    source = "Generated from `presets/instruments.toml`. Numbers marked *ours* are our judgement."
    lines = ["# Roles of stems", "", source]
    for role in load_instruments().values():
        lines += ["", f"## {role.id}", "", f"{role.title.capitalize()} ({role.family})."]
        if role.names:
            lines += ["", f"Known by: {', '.join(role.names)}."]
        if role.numbers:
            lines += ["", "| number | value | source |", "|---|--:|---|"]
        for key, n in role.numbers.items():
            lines.append(f"| `{key}` | {n.value:g} | {n.source + (' *(ours)*' if n.judgement else '')} |")
    return "\n".join(lines) + "\n"


def between(text: str, begin: str, end: str, new: str) -> str:
    """The text with what stands from `begin` to `end` replaced."""
    before, rest = text.split(begin)
    _, after = rest.split(end)
    return before + new + after


def outputs() -> dict[Path, str]:
    """Every generated file and what it should hold."""
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    checks = all_checks()
    text = between(text, BEGIN, END, table(checks))
    text = between(text, *ACCURACY, "\n".join([ACCURACY[0], limiter_table(), ACCURACY[1]]))
    return {
        readme: text,
        ROOT / "docs" / "checks.md": checks_page(checks),
        ROOT / "docs" / "instruments.md": instruments_page(),
        ROOT / "docs" / "platforms.md": platforms_page(),
        ROOT / "docs" / "profiles.md": profiles_page([load_profile(name) for name in profile_names()]),
    }


def main() -> int:
    """Write or compare."""
    stale = [path for path, text in outputs().items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is out of date: run `make fix`", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.write_text(outputs()[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
