# SPDX-License-Identifier: MIT
"""What ci/bench writes: JSON and Markdown."""
import json
import os


def number(v):
    if v is None:
        return "-"
    return f"{v:,.0f}" if abs(v) >= 100 else f"{v:.2f}"


def line(r):
    """One row in words."""
    text = f"{r['id']}: {r['verdict']}: {number(r['median'])} {r['unit']} ({number(r['min'])} to {number(r['max'])})"
    if r["ratio"]:
        text += f", {r['ratio']['median']:.2f} times the bare loop ({r['ratio']['fastest']})"
    return text + (f": {r['why']}" if r["why"] else "")


def spread(runs, name, percent=True):
    of = [x[name] for x in runs if x.get(name) is not None]
    if not of:
        return "-"
    return f"{100 * max(of):.1f} %" if percent else number(max(of))


def row(r):
    bar = f"{'<=' if r['at_most'] else '>='} {number(r['bar'])}"
    ratio = f"{r['ratio']['median']:.2f} ({r['ratio']['min']:.2f}-{r['ratio']['max']:.2f}), {r['ratio']['fastest']}" \
        if r["ratio"] else ""
    return [r["id"], r["what"], bar, number(r["stretch"]), r["best_peer"],
            "-" if r["median"] is None else f"{number(r['median'])} {r['unit']}",
            "-" if r["min"] is None else f"{number(r['min'])} to {number(r['max'])}", ratio,
            f"{len(r['runs'])}, {len(r['discarded'])}", spread(r["runs"], "run_delay"), spread(r["runs"], "steal"),
            r["receive_mode"] or "-", r["verdict"] + (f": {r['why']}" if r["why"] else "")]


HEAD = ["row", "what", "bar", "stretch", "best peer", "median", "spread", "times the bare loop",
        "runs, discarded", "run delay, most", "steal, most", "receiver", "verdict"]


def table(head, rows):
    text = "| " + " | ".join(head) + " |\n|" + "---|" * len(head) + "\n"
    return text + "".join("| " + " | ".join(str(x) for x in r) + " |\n" for r in rows)


def bare_table(result):
    """The bare loop's own figures."""
    rows = [[r["id"], m, number(v)] for r in result["rows"] if r["ratio"]
            for m, v in r["ratio"]["bare_ns_per_packet"].items()]
    return "\n" + table(["row", "bare loop", "ns per packet"], rows) if rows else ""


def discarded(result):
    of = [f"- {r['id']}: {x['why']}\n" for r in result["rows"] for x in r["discarded"]]
    return "\nRuns that do not count:\n\n" + "".join(of) if of else ""


def markdown(result):
    m = result["machine"]
    c = result["config"]
    return (f"# Bench\n\n{result['started']}, {m['cpu']} ({m['family_model']}), {m['cpus']} CPUs, kernel {m['kernel']}; "
            f"{m['version']}. Server on CPU {c['server_cpu']}, load generator on CPU {c['load_cpu']}, loopback. "
            f"Medians of {c['runs']} runs.\n\n" + table(HEAD, [row(r) for r in result["rows"]]) + bare_table(result)
            + discarded(result))


def write(folder, result, name="bench", page=markdown):
    with open(os.path.join(folder, name + ".json"), "w") as f:
        json.dump(result, f, indent=1)
    with open(os.path.join(folder, name + ".md"), "w") as f:
        f.write(page(result))
