"""The outside world's suppression files, read into what they tell. Pure: no IO, no store, no clock.

`opening.py` opens a file, `rows.py` reads a row, `json_rows.py` a row of `POST /v1/imports`; `folding.py` puts the rows
of one recipient together. Out come `Stated`, `Bounced`, `Complained`, `Consented` alone: nothing here lifts (H1).
"""
