#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# table.pl - the program that quickstart runs several copies of.
#
# Usage: table.pl make BYTES FILE    write a table: this system's own text files,
#                                    every line numbered, up to that size
#        table.pl serve FILE         load it, index it, say so, wait for SIGTERM
#
# It stands for any service of which several copies load the same data. Numbered
# lines make every page of one copy different from the others of that copy, so
# what merges is the same page in another copy. The index of lines is one packed
# string and the same in each copy; the index of file names is an ordinary hash,
# which Perl lays out in memory differently each time: it cannot be merged.
#
# Nothing but what Debian's perl-base has is used here.

use strict;
use warnings;

my ($lines, $bytes) = (0, 0);

# Appends a file's lines, numbered on; false when the table is full.
sub append {
	my ($out, $limit, $path) = @_;

	open my $in, '<', $path or return 1;
	my $text = "file $path\n";
	$lines++;
	while (my $line = <$in>) {
		$text .= ++$lines . " $line";
	}
	$text .= "\n" unless $text =~ /\n\z/;
	$text = substr $text, 0, $limit - $bytes;
	print $out $text or die "table.pl: cannot write: $!\n";
	$bytes += length $text;
	return $bytes < $limit;
}

sub make {
	my ($limit, $file) = @_;
	my @dirs = qw(/usr/share /usr/include /usr/lib);
	my @files;

	open my $out, '>', $file or die "table.pl: $file: $!\n";
	DIR: while (defined(my $dir = shift @dirs)) {
		opendir my $h, $dir or next;
		for my $name (sort readdir $h) {
			my $path = "$dir/$name";
			next if $name =~ /^\.\.?$/ || -l $path;
			if (-d _) {
				push @dirs, $path;
			} elsif (-f _ && -s _ && -s _ < 1 << 20 && -T $path) {
				push @files, $path;
				append($out, $limit, $path) or last DIR;
			}
		}
	}
	@files or die "table.pl: no text files in /usr\n";
	# A small system's text does for several rounds: the line numbers go on.
	while ($bytes < $limit) {
		for (@files) {
			append($out, $limit, $_) or last;
		}
	}
	close $out or die "table.pl: $file: $!\n";
}

sub serve {
	my ($file) = @_;
	my ($at, $starts, %where) = (0, '');

	open my $in, '<', $file or die "table.pl: $file: $!\n";
	my $text = do { local $/; <$in> };
	close $in;
	while (($at = index $text, "\n", $at) >= 0) {
		$starts .= pack 'N', ++$at;
	}
	while ($text =~ /^file (\S+)$/mg) {
		$where{$1} = pos $text;
	}
	$| = 1;
	printf "ready: %d bytes, %d lines, %d files\n", length $text,
		length($starts) / 4, scalar keys %where;
	sleep 3600 while 1;
}

$SIG{TERM} = $SIG{INT} = sub { exit 0 };
if (@ARGV == 3 && $ARGV[0] eq 'make') {
	make(@ARGV[1, 2]);
} elsif (@ARGV == 2 && $ARGV[0] eq 'serve') {
	serve($ARGV[1]);
} else {
	die "usage: table.pl make BYTES FILE | serve FILE\n";
}
