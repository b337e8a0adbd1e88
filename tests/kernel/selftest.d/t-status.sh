#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Fails without a failed point.
echo "ok 1 - good"
echo "1..1"
exit 3
