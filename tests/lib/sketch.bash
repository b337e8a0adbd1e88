# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# sketch.bash - files of sketches whose contents are known, as tools/estimate/sketch.c
# has them.

# le BYTES NUMBER: little-endian, to $bytes.
le() {
	local i
	for ((i = 0; i < $1; i++)); do
		bytes+=($((($2 >> (8 * i)) & 255)))
	done
}

# sketch NAME CONTENT...: one on stdout, of contents 1 to 500 with one page each; "A-B" is
# all of them from A to B.  $KEY_ID, $PAGE_SIZE and $ZEROES may be set.
sketch() {
	local name=$1 bytes=() contents=() word i sum=-3750763034362895579 text=""
	shift
	for word; do
		for ((i = ${word%-*}; i <= ${word#*-}; i++)); do contents+=("$i"); done
	done
	for ((i = 0; i < 8; i++)); do
		word=KSMsktch
		printf -v word %d "'${word:i:1}"
		bytes+=("$word")
	done
	le 4 1
	le 4 ${#contents[@]}
	le 8 "${KEY_ID-7}"
	le 8 "${PAGE_SIZE-4096}"
	le 8 ${#contents[@]}
	le 8 "${ZEROES-0}"
	for ((i = 0; i < 64; i++)); do
		word=0
		[[ -z ${name:i:1} ]] || printf -v word %d "'${name:i:1}"
		bytes+=("$((word & 255))")
	done
	for word in "${contents[@]}"; do
		le 8 $((word << 48))
		le 4 1
	done
	for word in "${bytes[@]}"; do
		sum=$(((sum ^ word) * 0x100000001b3))
	done
	le 8 $sum
	printf -v text '\\x%02x' "${bytes[@]}"
	# shellcheck disable=SC2059
	printf "$text"
}
