#!/usr/bin/env python3
"""rules.py ROOT RULE: checks one rule of the source that no compiler knows; a line for each fault,
exit 1 if there is one. The tables are beside it (layers.conf, libraries.conf)."""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FUNCTION_LINES = 80
FILE_LINES = 700
faults = 0


def fault(path, line, text):
    global faults
    faults += 1
    print(f"{path}:{line}: {text}")


def files(root, *endings):
    for folder, names, found in os.walk(root):
        names[:] = sorted(n for n in names if not (
            folder == root and n in ("build", ".git")) and n != "__pycache__")
        for name in sorted(found):
            # In a work tree of its own .git is a file, which names the machine's folders.
            if name.endswith(endings) and (folder != root or name != ".git"):
                yield os.path.relpath(os.path.join(folder, name), root)


def lines(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
        return f.read().split("\n")


def table(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as f:
        rows = [l.split() for l in f if l.strip() and not l.startswith("#")]
    return [(r[0], r[1:]) for r in rows]


def covers(what, path):
    return what == "*" or what == path or (what.endswith("/") and path.startswith(what))


def layers(root):
    rows = table("layers.conf")
    for path in files(root, ".c", ".h"):
        row = max((r for r in rows if covers(r[0], path)), key=lambda r: len(r[0]), default=None)
        folder = os.path.dirname(path) + "/"
        # `backend/` is the row of the files in it, not of a folder that nobody has thought of.
        if row is None or (row[0] == "backend/" and folder != "backend/") \
                or (row[0] == "tui/" and folder != "tui/"):
            fault(path, 1, f"the folder {folder} has no row in tests/lint/layers.conf")
            continue
        for n, line in enumerate(lines(root, path), 1):
            m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            beside = m and os.path.exists(os.path.join(root, folder, m[1]))
            if m and not beside and os.path.dirname(m[1]) + "/" != folder and \
                    not any(covers(w, m[1]) for w in row[1]):
                fault(path, n, f"{row[0]} may not include {m[1]}")


def libraries(root):
    rows = table("libraries.conf")
    for path in files(root, ".c", ".h"):
        if path.startswith("tests/"):
            continue
        for n, line in enumerate(lines(root, path), 1):
            m = re.match(r'\s*#\s*include\s+["<]([^">]+)[">]', line)
            for pattern, places in rows if m else []:
                if re.fullmatch(pattern, m[1]) and not any(
                        covers(w, path) or (w == "codec" and
                                            os.path.basename(path).startswith("codec"))
                        for w in places):
                    fault(path, n, f"{m[1]} may be included in {' '.join(places)} only")


def lengths(root):
    for path in files(root, ".c", ".h", ".sh", ".py", ".mk", "Makefile"):
        count = len(lines(root, path)) - 1
        if count > FILE_LINES:
            fault(path, count, f"{count} lines; a file may have {FILE_LINES}")
    sources = list(files(root, ".c", ".h"))
    tags = subprocess.run(["ctags", "--fields=+ne", "--kinds-C=f", "--sort=no", "-L", "-", "-o",
                           "-"], input="\n".join(sources), text=True, cwd=root,
                          capture_output=True, check=True).stdout
    for tag in tags.split("\n"):
        m = re.match(r"([^\t]+)\t([^\t]+)\t.*\tline:(\d+).*\tend:(\d+)", tag)
        if m and int(m[4]) - int(m[3]) + 1 > FUNCTION_LINES:
            fault(m[2], m[3], f"{m[1]} has {int(m[4]) - int(m[3]) + 1} lines; a function may "
                  f"have {FUNCTION_LINES}")


def conditionals(root):
    """No #if outside backend/base, but for include guards, each of them of one header."""
    guards = {}
    for path in files(root, ".c", ".h"):
        text = lines(root, path)
        guard = re.search(r"^#ifndef (\w+_H)\n#define \1$", "\n".join(text), re.M) \
            if path.endswith(".h") else None
        if path.endswith(".h") and not guard:
            fault(path, 1, "has no include guard")
        if guard and guards.setdefault(guard[1], path) != path:
            fault(path, 1, f"its include guard {guard[1]} is that of {guards[guard[1]]}")
        for n, line in enumerate(text, 1):
            if not path.startswith("backend/base/") and \
                    re.match(r"\s*#\s*(if|ifdef|ifndef|elif|else)\b", line) and \
                    not (guard and line == f"#ifndef {guard[1]}"):
                fault(path, n, "#if outside backend/base")


def keymap(root):
    """One letter has one meaning in every pane, and so has a key in the panes' own sections; typing
    and answering a plan are another matter."""
    seen = {}
    common = ("global", "list", "detail")
    for n, line in enumerate(lines(root, "keymap.conf"), 1):
        m = re.match(r'bind\s+(\S+)\s+(\S+)\s+"([^"]*)"', line)
        if not m or m[1] in ("prompt", "dialog"):
            continue
        verb = " ".join(w for w in m[3].split() if not w.startswith("%"))
        if m[1] in common and len(m[2]) > 1:
            continue
        section, other = seen.setdefault(m[2], (m[1], verb))
        if other != verb:
            fault("keymap.conf", n, f"{m[2]} is \"{verb}\" in {m[1]}, but \"{other}\" in {section}")


def comments(root):
    """Each file begins with what it is; each public function has a comment above it or its group."""
    for path in files(root, ".c", ".h"):
        text = lines(root, path)
        if not any(l.startswith("/*") for l in text[:4]):
            fault(path, 1, "does not begin with a comment that says what it is")
        if not path.endswith(".h") or path.startswith("tests/"):
            continue
        depth, told, inside, top, ended = 0, False, False, True, False
        for n, line in enumerate(text, 1):
            begins = line.lstrip().startswith("/*")
            prototype = depth == 0 and not inside and re.match(
                r"(?!typedef|struct \w+ \{|enum|#|\}|static)[a-z].*[\w*]\(", line)
            if prototype and not told and "/*" not in line:
                fault(path, n, f"no comment above {line.strip()[:60]}")
            inside = (inside or "/*" in line) and "*/" not in line.split("/*")[-1]
            if begins or inside:
                told, ended = not top, False
            elif not line.startswith(" *"):
                top = False
                depth += line.count("{") - line.count("}")
            # What was said of a type is not said of the functions after it, a line apart.
            ended = ended or (depth == 0 and line.startswith("}"))
            if ended and not line.strip():
                told = ended = False


def words(root):
    """Nothing is left to do, and no word of the place where it was written."""
    left = re.compile(r"\b(TO" r"DO|FIX" r"ME|HA" r"CK)\b")
    place = re.compile(r"/wo" r"rk/|\bissue" r" #\d|\bissues" r" show\b|/tmp/" r"lead")
    for path in files(root, ""):
        if path.endswith((".gz", ".png")):
            continue
        for n, line in enumerate(lines(root, path), 1):
            for m in (left.search(line), place.search(line)):
                if m:
                    fault(path, n, f"\"{m[0]}\" does not belong here")
            m = re.search(r"cppcheck" r"-suppress\s+\S+\s*(.*)", line)
            if m and not re.search(r"[a-z]{3}", m[1]):
                fault(path, n, "a suppression without a reason")


RULES = {f.__name__: f for f in (
    layers, libraries, lengths, conditionals, keymap, comments, words)}
if len(sys.argv) != 3 or sys.argv[2] not in RULES:
    sys.exit(f"usage: rules.py ROOT {'|'.join(RULES)}")
RULES[sys.argv[2]](sys.argv[1])
sys.exit(1 if faults else 0)
