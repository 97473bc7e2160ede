"""What the codes of findings mean, kept in the case beside the findings."""

from collections.abc import Iterator

from analyzer.plugin import Tables, analysis, rules
from analyzer.records import FindingRule, Record
from analyzer.source import Source


@analysis(yields=(FindingRule,))
def finding_rules(tables: Tables) -> Iterator[Record]:
    """Every rule that this version looks for: severity, title, reason, false positives."""
    for rule, plugin in rules():
        yield FindingRule(source=Source("case"), code=rule.code, severity=rule.severity,
                          title=rule.title, reason=rule.reason, plugin=plugin,
                          false_positives=rule.false_positives, reference=rule.reference)
