#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Leaves a setting changed.
f=/sys/kernel/mm/ksm/sleep_millisecs
echo $(($(cat $f) + 1)) >$f
echo "ok 1 - good"
echo "1..1"
