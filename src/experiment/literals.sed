# SPDX-License-Identifier: GPL-3.0-or-later
# Lines of text as string literals of C, each its own: long ones are not portable.
s/[\\"]/\\&/g
s/.*/"&\\n",/
