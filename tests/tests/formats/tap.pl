# Reads a file by TAP::Parser, as `prove` does, and prints what it found as JSON: tap.pl FILE.
use strict;
use warnings;
use JSON::PP;
use TAP::Parser;

open my $file, '<:encoding(UTF-8)', $ARGV[0] or die "$ARGV[0]: $!";
local $/;
my $parser = TAP::Parser->new({ tap => scalar <$file> });
my @tests;
my @unknown;
while (my $result = $parser->next) {
    push @unknown, $result->as_string if $result->is_unknown;
    next unless $result->is_test;
    push @tests, {
        number => $result->number + 0,
        name => $result->description,
        # As TAP counts it: what is skipped has passed.
        ok => $result->is_actual_ok ? JSON::PP::true : JSON::PP::false,
        directive => $result->directive,
        explanation => $result->explanation,
    };
}
print JSON::PP->new->utf8->encode({
    version => $parser->version + 0,
    planned => $parser->tests_planned + 0,
    errors => [$parser->parse_errors],
    tests => \@tests,
    unknown => \@unknown,
});
