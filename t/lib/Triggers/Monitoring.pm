package Triggers::Monitoring;

# What the tests of docs/monitoring share: its files, promtool, and what an
# expression of PromQL asks for.
#
# Environment: TRIGGERS_PROMETHEUS, the folder of promtool.

use strict;
use warnings;

use base 'Exporter';

use File::Temp ();
use JSON::PP ();
use Triggers::Nginx ();

our @EXPORT = qw( alerts dashboard expressions filled labels promtool selectors
                  yaml );
our $Folder = "$Triggers::Nginx::Root/docs/monitoring";


# why there is nothing to test with

sub missing {
    return $ENV{TRIGGERS_PROMETHEUS}
           ? undef : 'no promtool: type "make test-monitoring"';
}


# exit code and output

sub promtool {
    my (@args) = @_;

    chdir $Folder or die "$Folder: $!";
    open my $out, '-|', 'sh', '-c', 'exec "$0" "$@" 2>&1',
         "$ENV{TRIGGERS_PROMETHEUS}/promtool", @args or die "promtool: $!";

    my $text = do { local $/; <$out> } // '';
    close $out;

    return ($? >> 8, $text);
}


# a file of the folder, read as others read it

sub yaml {
    my ($name) = @_;

    local $ENV{NODE_PATH} = "$Triggers::Nginx::Root/build/node_modules";
    open my $out, '-|', 'node', '-e', <<'END', "$Folder/$name" or die $!;
const text = require('fs').readFileSync(process.argv[1], 'utf8');
console.log(JSON.stringify(require('yaml').parse(text)));
END
    return JSON::PP::decode_json(do { local $/; <$out> });
}


sub alerts { map { @{$_->{rules}} } @{ yaml('alerts.yml')->{groups} } }


# a temporary file with that text, which goes with the object

sub file {
    my ($text) = @_;
    my $file = File::Temp->new(SUFFIX => '.yml');

    print $file $text;
    close $file;

    return $file;
}


sub dashboard {
    open my $in, '<', "$Folder/dashboard.json" or die "dashboard.json: $!";
    return JSON::PP::decode_json(do { local $/; <$in> });
}


sub expressions {
    return map { $_->{expr} } map { @{ $_->{targets} || [] } }
           @{ dashboard()->{panels} };
}


# an expression as Grafana sends it

sub filled {
    my ($expr) = @_;
    return $expr =~ s/\$__rate_interval/5m/gr =~ s/\$\w+/.*/gr;
}


# [name, { label => [operator, value] }] of each metric of ours that an
# expression names

sub selectors {
    my ($expr) = @_;
    my @list;

    while ($expr =~ /\b(triggers_\w+)(?:\{([^}]*)\})?/g) {
        my ($name, $matchers) = ($1, $2 // '');
        my %labels = map { /^\s*(\w+)(=~|!~|!=|=)"(.*)"\s*$/
                           ? ($1 => [$2, $3]) : () }
                     split /,/, $matchers;

        push @list, [$name, \%labels];
    }

    return @list;
}


# labels that it groups by

sub labels {
    my ($expr) = @_;
    return map { split /\s*,\s*/ }
           $expr =~ /\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g;
}


1;
