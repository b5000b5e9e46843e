"""Reads the line counts that tests/coverage made and prints its tables; status 1 below the bound.

    coverage.py LCOV SOURCES BOUND DIRECTORY,... [FILE ...]
"""

import pathlib
import re
import sys

TEST_ONLY = re.compile(r"( *)#\[cfg\(.*\btest\b.*\)\]$")
MODULE = re.compile(r" *(?:pub(?:\(\w+\))? )?mod (\w+);")


def counts(lcov):
    """How often each line ran: {file: {line: count}}."""
    files = {}
    for record in open(lcov, encoding="utf-8"):
        kind, _, value = record.rstrip("\n").partition(":")
        if kind == "SF":
            here = files.setdefault(pathlib.Path(value), {})
        elif kind == "DA":
            line, count = value.split(",")[:2]
            here[int(line)] = max(here.get(int(line), 0), int(count))
    return files


def test_only(source):
    """The lines of a file that are compiled for tests only, and the modules that are.

    rustfmt closes an item at the indentation that it has, which makes its end easy to find.
    """
    lines, modules = set(), []
    end = None
    for number, line in enumerate(source.read_text().splitlines(), 1):
        if end is None and (found := TEST_ONLY.match(line)):
            end = found[1]
        if end is None:
            continue
        lines.add(number)
        if module := MODULE.match(line):
            modules.append(module[1])
        if re.match(rf"{end}(\}}|[^ #/].*(;|\}})$)", line):
            end = None
    return lines, modules


def measured(files, sources):
    """{file below sources: {line: count}}, without what is there for tests only."""
    left, only = {}, []
    for file in files:
        if sources in file.parents:
            lines, modules = test_only(file)
            left[file] = {line: count for line, count in files[file].items() if line not in lines}
            beside = file.parent if file.name in ("mod.rs", "lib.rs", "main.rs") else file.with_suffix("")
            only += [beside / module for module in modules]
    kept = lambda file: not any(file == module.with_suffix(".rs") or module in file.parents for module in only)
    return {file.relative_to(sources): lines for file, lines in left.items() if lines and kept(file)}


def share(lines):
    return 100 * sum(count > 0 for count in lines) / len(lines)


def ranges(numbers):
    """1, 2, 3, 7 as `1-3 7`."""
    runs = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return " ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def main():
    lcov, sources, bound, bounded, *shown = sys.argv[1:]
    files = measured(counts(lcov), pathlib.Path(sources))
    groups = {name: [] for name in bounded.split(",")} | {"the rest": []}
    for file, lines in files.items():
        groups.get(file.parts[0], groups["the rest"]).extend(lines.values())
    print("| src | lines | run |\n|---|---|---|")
    for name, lines in (groups | {"all": sum(groups.values(), [])}).items():
        print(f"| {name} | {len(lines)} | {share(lines):.1f} % |")
    print("\nThe most lines that no test ran:")
    missed = {file: [line for line, count in sorted(lines.items()) if not count] for file, lines in files.items()}
    for file in sorted(missed, key=lambda file: -len(missed[file]))[:10]:
        print(f"{len(missed[file]):5} of {len(files[file]):4}  {file}")
    for file in missed:
        if any(file.is_relative_to(name) for name in shown) and missed[file]:
            print(f"{file}: {ranges(missed[file])}")
    below = [name for name in bounded.split(",") if share(groups[name]) < float(bound)]
    sys.exit(f"below {bound} %: {', '.join(below)}" if below else 0)


main()
