"""Tables of measurements as the docs show them: Markdown, one row at a time."""


def head(*columns):
    print()
    row(*columns)
    row(*["---"] * len(columns))


def row(*cells):
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def short(share, digits=2):
    """A share as the docs write it: .93, 1, 0; an em dash where there is none.

    Example:
        >>> short(0.934), short(1.0), short(0.999)
        ('.93', '1', '.999')
    """
    if share != share:
        return "—"
    while share not in (0, 1) and round(share, digits) in (0, 1) and digits < 4:
        digits += 1
    return f"{share:.{digits}f}".strip("0").rstrip(".") or "0"


def between(shares):
    """The range of some shares: .95 to .97."""
    low, high = short(min(shares)), short(max(shares))
    return low if low == high else f"{low} to {high}"
