#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A failed point.
echo "ok 1 - good"
echo "not ok 2 - bad"
echo "1..2"
exit 1
