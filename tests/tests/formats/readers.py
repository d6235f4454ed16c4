"""Reads a file as a pipeline would and prints what was found as JSON: readers.py FORMAT FILE."""

import csv
import io
import json
import os
import sys
import tarfile


def junit(path):
    """Cases by junitparser, once the file fits the schema that Jenkins' xUnit plugin holds it to."""
    import junitparser
    import xmlschema

    xmlschema.XMLSchema(jenkins_schema()).validate(path)
    report = junitparser.JUnitXml.fromfile(path)
    cases = []
    for suite in report:
        for case in suite:
            results = [
                {"kind": type(r).__name__, "type": r.type, "message": r.message, "text": r.text} for r in case.result
            ]
            cases.append({"suite": suite.name, "class": case.classname, "name": case.name, "results": results})
    numbers = {s.name: {p.name: p.value for p in s.properties()} for s in report}
    report_says = {"tests": report.tests, "failures": report.failures, "errors": report.errors}
    return {"cases": cases, "properties": numbers, "totals": report_says}


def jenkins_schema():
    """junit-10.xsd as it comes with the source of pytest."""
    folder = os.environ["JUNIT_SOURCE"]
    archive = next(name for name in os.listdir(folder) if name.startswith("pytest-") and name.endswith(".tar.gz"))
    with tarfile.open(os.path.join(folder, archive)) as source:
        member = next(m for m in source.getmembers() if m.name.endswith("/junit-10.xsd"))
        return io.StringIO(source.extractfile(member).read().decode())


def openmetrics(path):
    """Families by the parser of OpenMetrics; that of Prometheus' older text format must find the same samples."""
    from prometheus_client.openmetrics.parser import text_fd_to_metric_families as new
    from prometheus_client.parser import text_fd_to_metric_families as old

    def samples(parse):
        with open(path, newline="") as file:
            text = file.read()
        return [(f, [[s.name, s.labels, s.value] for s in f.samples]) for f in parse(io.StringIO(text, newline="\n"))]

    families = samples(new)
    # The older format knows the end mark as a comment.
    assert [s for _, s in families] == [s for _, s in samples(old)], "the two parsers disagree"
    return {f.name: {"type": f.type, "unit": f.unit, "help": f.documentation, "samples": s} for f, s in families}


def comma_separated(path):
    """Lines as the csv module gives them, by their heads."""
    with open(path, newline="") as file:
        return list(csv.DictReader(file, strict=True))


def markdown(path):
    """Tables as plain text, lists as plain text, and everything that would become a link, a picture or markup."""
    from markdown_it import MarkdownIt

    # What a forge adds to CommonMark: tables, and links from bare addresses.
    parser = MarkdownIt("gfm-like", {"html": True})
    with open(path) as file:
        tokens = parser.parse(file.read())
    kinds, html, rows, items, headings, within = set(), set(), [], [], [], []
    for token in tokens:
        kinds.add(token.type)
        if token.type == "html_block":
            html.update(line for line in token.content.splitlines() if line)
        if token.nesting == 1:
            within.append(token.type)
            if token.type == "tr_open":
                rows.append([])
        elif token.nesting == -1:
            within.pop()
        elif token.type == "inline":
            kinds.update(child.type for child in token.children)
            html.update(child.content for child in token.children if child.type == "html_inline")
            text = "".join(
                "\n" if child.type in ("softbreak", "hardbreak") else child.content
                for child in token.children
                if child.type != "html_inline"
            )
            # Entities in the text are those that the parser itself resolved.
            if within[-1] in ("td_open", "th_open"):
                rows[-1].append(text)
            elif "list_item_open" in within:
                items.append(text)
            elif within[-1] == "heading_open":
                headings.append(text)
    return {"rows": rows, "items": items, "headings": headings, "kinds": sorted(kinds), "html": sorted(html)}


def kubernetes(path):
    """Validates a manifest; finds nothing."""
    import kubernetes_validate
    import yaml

    with open(path) as file:
        documents = list(yaml.safe_load_all(file))
    for document in documents:
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
    return documents


READERS = {
    "junit": junit,
    "openmetrics": openmetrics,
    "csv": comma_separated,
    "markdown": markdown,
    "kubernetes": kubernetes,
}

if __name__ == "__main__":
    json.dump(READERS[sys.argv[1]](sys.argv[2]), sys.stdout)
