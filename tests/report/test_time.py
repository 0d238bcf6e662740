"""Pages of what a stranger made large."""

import time
from pathlib import Path

from auditor import audit, read
from auditor.report import render


def test_thousands_of_metrics_cost_no_time(tmp_path: Path) -> None:
    names = [f"m{n}" for n in range(8_000)]
    (tmp_path / "log.csv").write_text(
        f"epoch,loss,{','.join(names)}\n" + "".join(f"{n}" + ",1" * 8_001 + "\n" for n in (0, 1))
    )
    audited = audit(read(tmp_path))
    begun = time.process_time()
    render(audited, "html")
    assert time.process_time() - begun < 6.0  # one to three; it took twenty
