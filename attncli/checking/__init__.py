"""Somebody's numbers against the derivation: claims, verdicts, the catalogue of mistakes, marking.

`Judge` is the way in: a problem, and then any number of claims, each of which makes a `Report`.
"""

from __future__ import annotations

from attncli.checking.verdict import Judge, Report

__all__ = ["Judge", "Report"]
