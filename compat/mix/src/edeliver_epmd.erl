%% Lets nodes find each other without epmd, for releases in containers:
%%
%%   erl -start_epmd false -epmd_module edeliver_epmd ...
%%
%% A node listens on the port ERL_DIST_PORT (else what -erl_epmd_port says, else 4321). Others are taken
%% to listen on DEFAULT_DIST_PORT (else on the same), unless they are named with another port: in the
%% environment, EDELIVER_NODES="a@host b@host:4323", or by the application's environment,
%% {edeliver, [{nodes, ['a@host', 'b@host:4323']}]}.
%%
%% It runs before anything else, and start scripts expect bare answers: it never prints.
-module(edeliver_epmd).

-behaviour(gen_server).

%% What the distribution calls.
-export([start_link/0, register_node/2, register_node/3, port_please/2, port_please/3]).
-export([address_please/3, listen_port_please/2, names/1]).
%% What is known, and more of it.
-export([known_nodes/0, dist_listen_port/0, default_dist_port/0, add_node/1, add_node/2, remove_node/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-define(PORT, 4321).

%% The version of the distribution protocol: 6 since Erlang/OTP 23.
-ifdef(OTP_RELEASE).
-if(?OTP_RELEASE >= 23).
-define(PROTOCOL, 6).
-endif.
-endif.
-ifndef(PROTOCOL).
-define(PROTOCOL, 5).
-endif.

-record(state, {
    listen :: inet:port_number(),
    default :: inet:port_number(),
    nodes :: [{node(), inet:port_number()}]
}).

start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

%% The creation tells one run of a node from the next.
register_node(Name, Port) ->
    register_node(Name, Port, inet).

register_node(_Name, _Port, _Family) ->
    {ok, rand:uniform(3)}.

port_please(Name, Host, _Timeout) ->
    port_please(Name, Host).

port_please(Name, Host) ->
    {port, port_of(text(Name), Host), ?PROTOCOL}.

address_please(Name, Host, Family) ->
    case inet:getaddr(Host, Family) of
        {ok, Address} -> {ok, Address, port_of(text(Name), Address), ?PROTOCOL};
        {error, _} -> {error, noport}
    end.

listen_port_please(_Name, _Host) ->
    {ok, dist_listen_port()}.

%% Which nodes a host has, nobody knows.
names(_Host) ->
    {error, address}.

%% The nodes that were named, with their ports.
known_nodes() ->
    (state())#state.nodes.

%% The port that this node listens on.
dist_listen_port() ->
    (state())#state.listen.

%% The port that other nodes listen on, unless they are known to have another.
default_dist_port() ->
    (state())#state.default.

add_node(Node) when is_atom(Node) ->
    add_node(Node, default_dist_port()).

add_node(Node, Port) when is_atom(Node), is_integer(Port) ->
    gen_server:call(?MODULE, {add, Node, Port}).

remove_node(Node) when is_atom(Node) ->
    gen_server:call(?MODULE, {remove, Node}).

%% Hosts are compared by their addresses, which is done here and not in the server: it may take a while.
port_of(Name, Host) ->
    #state{nodes = Nodes, default = Default} = state(),
    Address = address(Host),
    Ports = [Port || {Node, Port} <- Nodes, [Of, At] <- [split(atom_to_list(Node), $@)],
                     Of =:= Name, address(At) =:= Address],
    hd(Ports ++ [Default]).

address(Address) when is_tuple(Address) ->
    Address;
address(Host) ->
    case inet:getaddr(text(Host), inet) of
        {ok, Address} -> Address;
        %% Such as the nohost of a remote console.
        {error, _} -> {127, 0, 0, 1}
    end.

state() ->
    gen_server:call(?MODULE, state).

init([]) ->
    Listen = port_from("ERL_DIST_PORT", port_from_arguments()),
    Default = port_from("DEFAULT_DIST_PORT", Listen),
    Named = from_application() ++ from_arguments() ++ from_environment(),
    {ok, #state{listen = Listen, default = Default, nodes = [node_and_port(Node, Default) || Node <- Named]}}.

handle_call(state, _From, State) ->
    {reply, State, State};
handle_call({add, Node, Port}, _From, State = #state{nodes = Nodes}) ->
    Added = {Node, Port},
    {reply, {ok, Added}, State#state{nodes = [Added | lists:keydelete(Node, 1, Nodes)]}};
handle_call({remove, Node}, _From, State = #state{nodes = Nodes}) ->
    Left = lists:keydelete(Node, 1, Nodes),
    {reply, {ok, Left}, State#state{nodes = Left}}.

handle_cast(_Message, State) ->
    {noreply, State}.

handle_info(_Message, State) ->
    {noreply, State}.

port_from(Variable, Default) ->
    case os:getenv(Variable) of
        false -> Default;
        "" -> Default;
        Port -> list_to_integer(Port)
    end.

port_from_arguments() ->
    case init:get_argument(erl_epmd_port) of
        {ok, [[Port] | _]} -> list_to_integer(Port);
        _ -> ?PORT
    end.

from_application() ->
    [text(Node) || Node <- application:get_env(edeliver, nodes, [])].

from_environment() ->
    case os:getenv("EDELIVER_NODES") of
        false -> [];
        Nodes -> string:tokens(Nodes, " ")
    end.

%% This node itself, and the one that a remote console is for: the arguments of start scripts differ.
from_arguments() ->
    Flags = [Node || {Flag, Suffix} <- [{remsh, ""}, {name, ""}, {sname, "@127.0.0.1"}],
                     {ok, [[Value] | _]} <- [init:get_argument(Flag)],
                     Node <- [with_host(Value, Suffix)]],
    Plain = [with_host(Value, Suffix) || Argument <- init:get_plain_arguments(),
                                         {Prefix, Suffix} <- [{"--name=", ""}, {"--sname=", "@127.0.0.1"}],
                                         Value <- after_prefix(Prefix, text(Argument))],
    Flags ++ Plain.

with_host(Node, Suffix) ->
    case lists:member($@, Node) of
        true -> Node;
        false -> Node ++ Suffix
    end.

after_prefix(Prefix, Text) ->
    case lists:split(min(length(Prefix), length(Text)), Text) of
        {Prefix, Value} -> [Value];
        _ -> []
    end.

%% "name@host:port", "name@host", "name".
node_and_port(Text, Default) ->
    {Node, Port} =
        case split(Text, $:) of
            [Name, Number] -> {Name, list_to_integer(Number)};
            [Name] -> {Name, Default}
        end,
    {list_to_atom(with_host(Node, "@" ++ net_adm:localhost())), Port}.

split(Text, Separator) ->
    case lists:splitwith(fun(Character) -> Character =/= Separator end, Text) of
        {Before, [Separator | After]} -> [Before, After];
        {All, []} -> [All]
    end.

text(Atom) when is_atom(Atom) -> atom_to_list(Atom);
text(Text) -> Text.
