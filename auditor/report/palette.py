"""The colours of all figures: Okabe and Ito's, which colour-blind readers can tell apart."""

TRAIN = "#0072B2"
VALIDATION = "#D55E00"
OTHER = "#007A58"
INK = "#1C2128"
MUTED = "#59636E"
GRID = "#E3E7EB"
EMPTY = "#F3F5F7"

FAILING = "#F0A367"
"""Where all failed: as VALIDATION, but pale enough for words on it."""

RIGHT = "#8FC1E3"
"""As TRAIN, but pale enough for words on it."""

MIDDLE = "#C9CFD5"
"""Between TRAIN for good and VALIDATION for bad."""

PAPER = "#FFFFFF"
"""Behind labels, and between the strokes of hatching."""

BAND = "rgba(127, 127, 127, 0.16)"
"""Shading that works on light and dark paper alike."""

TRAIN_BAND = "rgba(0, 114, 178, 0.18)"
VALIDATION_BAND = "rgba(213, 94, 0, 0.18)"
OTHER_BAND = "rgba(0, 122, 88, 0.18)"
"""The range of several runs."""

DARK = {
    TRAIN: "#56B4E9",
    VALIDATION: "#E69F00",
    OTHER: "#2CC295",
    INK: "#E6EAEE",
    MUTED: "#9BA6B2",
    GRID: "#2A323B",
    EMPTY: "#20272F",
    TRAIN_BAND: "rgba(86, 180, 233, 0.22)",
    VALIDATION_BAND: "rgba(230, 159, 0, 0.22)",
    OTHER_BAND: "rgba(44, 194, 149, 0.22)",
    FAILING: "#8F4A10",
    RIGHT: "#1F5F8B",
    MIDDLE: "#4A5560",
    PAPER: "#12161B",
}
"""What stands for each colour on a dark page."""

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
