#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Killed by a signal in the middle.
echo "ok 1 - good"
kill -SEGV $$
