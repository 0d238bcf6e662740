"""Which findings `--fail-on` asks for."""

from dataclasses import replace

import pytest

from auditor.cli.outputs import asked_for
from auditor.diagnosis.finding import Finding

TIP = Finding("AUD901", "A tip", "tip", (), (), "it is so", (), "Do it.", "high")
FINDINGS = (
    TIP,
    replace(TIP, code="AUD902", severity="warning"),
    replace(TIP, code="AUD903", severity="error"),
)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ((), ""),
        (("AUD901",), "1"),
        (("aud902", "AUD999"), "2"),
        (("error",), "3"),
        (("Warning",), "23"),
        (("tip",), "123"),
        (("error", "AUD901"), "13"),
        (("error", "warning"), "23"),
    ],
)
def test_codes_and_severities_so_high_or_higher(asked: tuple[str, ...], found: str) -> None:
    assert asked_for(asked, FINDINGS) == {f"AUD90{number}" for number in found}
