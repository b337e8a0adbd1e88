#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What a case should be.
echo "ok 1 - good"
echo "1..1"
