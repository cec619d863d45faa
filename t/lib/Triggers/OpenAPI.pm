package Triggers::OpenAPI;

# docs/openapi.yaml, to be held against a running server: its operations, the
# requests that its examples and schemas make, and whether an answer is one of
# those it describes.  YAML and JSON Schema are read by t/tools/openapi.js,
# with packages of npm that "make deps" installs.
#
#     my $api = Triggers::OpenAPI->new();
#     for my $op ($api->operations()) { ... }
#     my @wrong = $api->wrong($op, $res);

use strict;
use warnings;

use IPC::Open2 qw( open2 );
use JSON::PP ();

use Triggers::Nginx ();

our $Packages = "$Triggers::Nginx::Root/build/node_modules";
our $File = "$Triggers::Nginx::Root/docs/openapi.yaml";

my $JSON = JSON::PP->new->utf8->canonical->allow_nonref;

# headers that any answer of nginx may have

my %Plain = map { $_ => 1 } qw( connection content-length content-type date
                                keep-alive server transfer-encoding );


# why the document cannot be read here, or nothing

sub missing {
    return "$_ of npm is missing: the registry was not reached by "
           . '"make deps"' for grep { !-d "$Packages/$_" }
                               qw( ajv ajv-formats yaml );
    return;
}


sub new {
    my ($class) = @_;
    my $self = bless {}, $class;

    $self->{pid} = open2($self->{out}, $self->{in}, 'node',
                         "$Triggers::Nginx::Root/t/tools/openapi.js", $File,
                         "$Triggers::Nginx::Root/build");

    my $line = readline $self->{out};
    die "$File cannot be read\n" if !defined $line;

    $self->{api} = $JSON->decode($line);

    return $self;
}


sub DESTROY {
    my ($self) = @_;
    local $?;

    close $self->{in};
    waitpid $self->{pid}, 0;
}


# Each is { path, method (upper case), id, pointer, spec, scope, parameters },
# the parameters of the path and the operation together, resolved.

sub operations {
    my ($self) = @_;
    my @list;

    for my $path (sort keys %{$self->{api}{paths}}) {
        my $item = $self->{api}{paths}{$path};
        my $name = $path =~ s{~}{~0}gr =~ s{/}{~1}gr;

        for my $method (grep { $_ ne 'parameters' } sort keys %$item) {
            my $spec = $item->{$method};
            push @list, {
                path => $path,
                method => uc $method,
                id => $spec->{operationId},
                pointer => "#/paths/$name/$method",
                spec => $spec,
                scope => ($spec->{security}[0] // {})->{bearer}[0],
                parameters => [map { ($self->resolve($_))[0] }
                               @{$item->{parameters} // []},
                               @{$spec->{parameters} // []}],
            };
        }
    }

    return @list;
}


# what a node stands for, and its pointer where it was a reference

sub resolve {
    my ($self, $node, $pointer) = @_;

    while (ref $node eq 'HASH' && $node->{'$ref'}) {
        $pointer = $node->{'$ref'};
        $node = $self->{api};
        $node = $node->{s{~1}{/}gr =~ s{~0}{~}gr}
            for (split m{/}, $pointer)[1 .. ($pointer =~ tr{/}{})];
    }

    return ($node, $pointer);
}


# the values of a parameter's, body's or answer's examples, by name

sub examples {
    my ($self, $node) = @_;
    my $examples = $node->{examples};

    return { example => $node->{example} } if exists $node->{example};
    return { map { $_ => ($self->resolve($examples->{$_}))[0]{value} }
             keys %{$examples // {}} };
}


# the response that an operation has for a status: its specification, its
# pointer and the name it stands under

sub response {
    my ($self, $op, $status) = @_;

    for my $name ($status, substr($status, 0, 1) . 'XX') {
        my $node = $op->{spec}{responses}{$name} or next;

        return ($self->resolve($node, "$op->{pointer}/responses/$name"),
                $name);
    }

    return;
}


# Everything in which an answer differs from what the document says of it.
# limited: the request had a key with a rate limit.

sub wrong {
    my ($self, $op, $res, %args) = @_;
    my ($spec, $pointer) = $self->response($op, $res->{status} || '000')
        or return "the status $res->{status} is not described";

    return ($self->wrong_headers($spec, $pointer, $res, $args{limited}),
            $self->wrong_body($spec, $pointer, $res, $op->{method}));
}


sub wrong_headers {
    my ($self, $spec, $pointer, $res, $limited) = @_;
    my %described;
    my @wrong;

    for my $name (sort keys %{$spec->{headers} // {}}) {
        my ($header, $at) =
            $self->resolve($spec->{headers}{$name},
                           "$pointer/headers/$name");
        my $value = $res->{headers}{lc $name};

        $described{lc $name} = 1;

        if (!defined $value) {
            push @wrong, "no header $name"
                if $header->{required}
                   || $limited && $name =~ /RateLimit/;
            next;
        }

        push @wrong, map { "header $name: $value: $_" }
                     $self->wrong_text($header, $at, $value);
    }

    push @wrong, map { "the header $_ is not described" }
                 grep { !$described{$_} && !$Plain{$_} }
                 sort keys %{$res->{headers}};

    return @wrong;
}


# the value of a header or parameter, which is a number where the schema says
# so

sub wrong_text {
    my ($self, $spec, $pointer, $value) = @_;
    my ($schema) = $self->resolve($spec->{schema});
    my $number = ($schema->{type} // '') eq 'integer' && $value =~ /^\d+$/;

    return $self->check("$pointer/schema",
                        $number ? $value : $JSON->encode("$value"));
}


sub wrong_body {
    my ($self, $spec, $pointer, $res, $method) = @_;
    my $content = $spec->{content};
    my ($type) = ($res->{headers}{'content-type'} // '') =~ /^([^;\s]*)/;

    if (!$content || $method eq 'HEAD') {
        return $res->{body} eq '' ? () : 'there is a body';
    }

    return "the type $type is not described" if !$content->{$type};
    return () if $type !~ /json$/;

    my $name = $type =~ s{/}{~1}gr;

    return $self->check("$pointer/content/" . $name =~ s{\+}{%2B}gr
                        . '/schema', $res->{body});
}


# Values that a schema refuses.  In a query all is text, so that a number is
# as good as a string.

sub bad_values {
    my ($self, $node, $query) = @_;
    my ($schema) = $self->resolve($node);

    ($schema) = $self->resolve($schema->{allOf}[0]) if $schema->{allOf};

    my %type = map { $_ => 1 } ref $schema->{type} ? @{$schema->{type}}
                                                   : $schema->{type} // ();
    my ($min, $max) = @$schema{qw( minimum maximum )};
    my @bad;

    push @bad, 'nonsense' if $schema->{enum} || exists $schema->{const};
    push @bad, 'nonsense' if ($schema->{format} // '') eq 'date-time';

    if ($type{string}) {
        push @bad, 17 if !$query;
        push @bad, '' if $schema->{minLength};
        push @bad, 'x' x ($schema->{maxLength} + 1) if $schema->{maxLength};
    }

    if ($type{integer}) {
        push @bad, 'x', 1.5;
        push @bad, $min - 1 if defined $min;
        push @bad, $max + 1 if defined $max;
    }

    push @bad, 'nonsense' if $type{boolean};
    push @bad, [] if $type{object} && !$query;

    if ($schema->{items}) {
        my @items = $self->bad_values($schema->{items}, $query);

        return @items if $query;

        push @bad, {};
        push @bad, [] if $schema->{minItems};
        push @bad, map { [$_] } @items;
    }

    return @bad;
}


# Bodies that the schema of a valid one refuses, each as [what, body]; where
# is the path of a member inside of it.

sub bad_bodies {
    my ($self, $node, $valid, $where) = @_;
    my ($schema) = $self->resolve($node);
    my $properties = $schema->{properties} // {};
    my $at = defined $where ? "$where." : '';
    my @bad;

    for my $name (@{$schema->{required} // []}) {
        my %body = %$valid;
        delete $body{$name};
        push @bad, ["without $at$name", \%body];
    }

    push @bad, ["with an unknown ${at}nonsense", { %$valid, nonsense => 1 }]
        if exists $schema->{additionalProperties}
           && !$schema->{additionalProperties};

    for my $name (sort keys %$properties) {
        my $property = $properties->{$name};

        push @bad, map { ["with $at$name " . short($_),
                          { %$valid, $name => $_ }] }
                   $self->bad_values($property);
        push @bad, map { [$_->[0], { %$valid, $name => $_->[1] }] }
                   $self->bad_bodies($property, $valid->{$name} // {},
                                     "$at$name")
            if ($self->resolve($property))[0]{properties};
    }

    return @bad;
}


sub short {
    my ($value) = @_;
    my $text = $JSON->encode($value);

    return length $text > 20 ? substr($text, 0, 16) . '...' : $text;
}


# holds JSON against a schema

sub check {
    my ($self, $pointer, $text) = @_;

    utf8::decode($text);

    my $request = $JSON->encode({ schema => $pointer, text => $text });

    print {$self->{in}} "$request\n";
    $self->{in}->flush;

    my $line = readline $self->{out};
    die "t/tools/openapi.js ended\n" if !defined $line;

    return @{$JSON->decode($line)};
}


1;
