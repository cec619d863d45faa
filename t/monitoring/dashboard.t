# The dashboard: what Grafana needs to load it, and expressions that Prometheus
# understands, with its variables filled in.

use strict;
use warnings;

use JSON::PP ();
use Test::More;
use Triggers::Monitoring;

if (my $why = Triggers::Monitoring::missing()) {
    plan(skip_all => $why);
}

my $dashboard = dashboard();
my @panels = grep { $_->{type} ne 'row' } @{ $dashboard->{panels} };
my @rows = grep { $_->{type} eq 'row' } @{ $dashboard->{panels} };
my @variables = @{ $dashboard->{templating}{list} };
my %variables = map { $_->{name} => $_ } @variables;
my %ids = map { $_->{id} => 1 } @{ $dashboard->{panels} };

cmp_ok($dashboard->{schemaVersion}, '>=', 36, 'schema version');
like($dashboard->{title}, qr/\w/, 'title');
like($dashboard->{uid}, qr/^[\w-]{1,40}$/, 'uid');
is(scalar(keys %ids), scalar(@{ $dashboard->{panels} }), 'ids are unique');
is(join(', ', map { $_->{title} } @rows),
   'Overview, Traffic, Latency, Queue and pipeline, Events, Delivery, '
   . 'Zone and store', 'rows');
is($variables{datasource}{type}, 'datasource', 'a variable for the source');
is($variables{store}{type}, 'query', 'and for stores');
is(overlaps(), '', 'no panel lies on another');

for my $panel (@panels) {
    my $title = $panel->{title} // "panel $panel->{id}";
    my @exprs = map { $_->{expr} } @{ $panel->{targets} || [] };

    like($panel->{title} // '', qr/\w/, "$title: title");
    like($panel->{fieldConfig}{defaults}{unit} // '', qr/^\w+$/,
         "$title: unit");
    ok(scalar(@exprs) && !grep({ !length } map { $_ // '' } @exprs),
       "$title: expressions");
    is(scalar(grep { ($_->{datasource}{uid} // '') ne '${datasource}' }
              $panel, @{ $panel->{targets} }), 0, "$title: source");
    is(scalar(grep { !/instance=~"\$instance",store=~"\$store"/ } @exprs), 0,
       "$title: of the chosen stores");

    my %used = map { $_ => 1 } map { /\$(\w+)/g } @exprs;
    is(join(' ', grep { !$variables{$_} && $_ ne '__rate_interval' }
            sort keys %used), '', "$title: variables");
}

# each is a rule of its own, and JSON is YAML

my $n = 0;
my $rules = { groups => [ { name => 'dashboard', rules => [
    map +{ record => 'expression:' . ++$n, expr => filled($_) }, expressions()
] } ] };

my $file = Triggers::Monitoring::file(JSON::PP->new->canonical->encode($rules));
my ($code, $output) = promtool('check', 'rules', "$file");

is($code, 0, 'expressions') or diag($output);
like($output, qr/\b$n rules found/, 'all of them');

done_testing();


# pairs of panels that share a place

sub overlaps {
    my (%taken, @overlaps);

    for my $panel (@{ $dashboard->{panels} }) {
        my ($x, $y, $w, $h) = @{ $panel->{gridPos} }{qw( x y w h )};

        push @overlaps, "$panel->{title} is too wide" if $x + $w > 24;

        for my $place (map { my $at = $_; map { "$_ $at" } $x .. $x + $w - 1 }
                       $y .. $y + $h - 1)
        {
            push @overlaps, "$panel->{title} on $taken{$place}"
                if $taken{$place};
            $taken{$place} = $panel->{title};
        }
    }

    return join '; ', @overlaps;
}
