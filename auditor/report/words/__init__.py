"""One file per group of sections: from the audit to words."""
