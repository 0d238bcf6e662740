"""The colours of all figures: Okabe and Ito's, which colour-blind readers can tell apart."""

TRAIN = "#0072B2"
VALIDATION = "#D55E00"
OTHER = "#007A58"
INK = "#1C2128"
MUTED = "#59636E"
GRID = "#E3E7EB"
EMPTY = "#F3F5F7"

BAND = "rgba(127, 127, 127, 0.16)"
"""Shading that works on light and dark paper alike."""

DARK = {
    TRAIN: "#56B4E9",
    VALIDATION: "#E69F00",
    OTHER: "#2CC295",
    INK: "#E6EAEE",
    MUTED: "#9BA6B2",
    GRID: "#2A323B",
    EMPTY: "#20272F",
}
"""What stands for each colour on a dark page."""

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
