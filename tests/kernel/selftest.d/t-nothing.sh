#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Plans nothing, and gives no reason.
echo "1..0"
