# The alerts: promtool accepts them, each fires where it should and not where it
# should not, tells of which store it speaks, and is explained.

use strict;
use warnings;

use Test::More;
use Triggers::Monitoring;

if (my $why = Triggers::Monitoring::missing()) {
    plan(skip_all => $why);
}

my ($code, $output) = promtool('check', 'rules', 'alerts.yml');
is($code, 0, 'rules') or diag($output);

($code, $output) = promtool('check', 'config', 'prometheus.yml');
is($code, 0, 'configuration') or diag($output);

($code, $output) = promtool('test', 'rules', 'alerts_test.yml');
is($code, 0, 'tests of the rules') or diag($output);

my @tests = map { @{$_->{alert_rule_test}} }
            @{ yaml('alerts_test.yml')->{tests} };

open my $in, '<', "$Triggers::Monitoring::Folder/README.md" or die $!;
my $readme = do { local $/; <$in> };
my %names;

for my $alert (alerts()) {
    my $name = $alert->{alert};
    my @own = grep { $_->{alertname} eq $name } @tests;

    $names{$name}++;

    like($alert->{labels}{severity}, qr/^(?:info|warning|critical)$/,
         "$name: severity");
    like($alert->{for} // '', qr/^\d+[sm]$/, "$name: for");
    like($alert->{annotations}{summary} // '', qr/\w/, "$name: summary");
    like($alert->{annotations}{description} // '', qr/\w/,
         "$name: description");

    # those of a whole server have no store

    like($alert->{annotations}{summary}, qr/^store \{\{ \$labels\.store \}\}/,
         "$name: the store")
        if $alert->{expr} !~ /\bup\b/;

    ok(scalar(grep { @{$_->{exp_alerts}} } @own), "$name: fires in a test");
    ok(scalar(grep { !@{$_->{exp_alerts}} } @own), "$name: and does not");
    like($readme, qr/^\| `$name` \| $alert->{labels}{severity} \|/m,
         "$name: what to do");
}

is(join(' ', grep { $names{$_} > 1 } keys %names), '', 'names are unique');
is(join(' ', grep { !$names{$_} } $readme =~ /^\| `(Triggers\w+)` \|/mg), '',
   'nothing else is explained');

done_testing();
