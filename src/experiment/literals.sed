# SPDX-License-Identifier: GPL-3.0-or-later
# Lines of text as string literals of C.
s/[\\"]/\\&/g
s/.*/"&\\n"/
