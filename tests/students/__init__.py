"""Simulated students: exercises, honest habits, errors of known size, and a table of how they are judged.

Everything but `measure` is plain loops over Python floats and knows nothing of attncli or NumPy.

- `exercises`: exercises of ten kinds, and every step of them.
- `paper`: one student's sheet: a step is made, written down, and carried on.
- `habits`: honest ways to work, graded `accept` or `note`.
- `slips`: one wrong cell, with the reason why it is wrong.
- `wrongs`: students with one error of known size, outputs that do not follow, and two mistakes at once.
- `mistakes`, `others`, `shared`, `backward`: the catalogue's mistakes; the first with the modules `known`, `drawing`,
  `writing`, `pencil`, `projecting`, `scoring` and `weighing`.
- `measure`: holds them against the checker; `score.py` prints the table.
"""
