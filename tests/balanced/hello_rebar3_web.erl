%% What a test asks the nodes for behind a load balancer: /health says whether the host takes part.
-module(hello_rebar3_web).

-export([start_link/0]).

start_link() ->
    {ok, Listener} = gen_tcp:listen(list_to_integer(os:getenv("PORT")), [
        binary, {packet, http_bin}, {active, false}, {reuseaddr, true}, {backlog, 128}, {ip, {127, 0, 0, 1}}
    ]),
    Pid = spawn_link(fun() -> receive go -> accept(Listener) end end),
    ok = gen_tcp:controlling_process(Listener, Pid),
    Pid ! go,
    {ok, Pid}.

accept(Listener) ->
    {ok, Socket} = gen_tcp:accept(Listener),
    Pid = spawn(fun() -> receive go -> serve(Socket) end end),
    ok = gen_tcp:controlling_process(Socket, Pid),
    Pid ! go,
    accept(Listener).

serve(Socket) ->
    {ok, {http_request, 'GET', {abs_path, Path}, _}} = gen_tcp:recv(Socket, 0),
    headers(Socket),
    {Status, Body} = answer(Path),
    Length = integer_to_list(length(Body)),
    ok = gen_tcp:send(Socket, [
        "HTTP/1.1 ", Status, "\r\nConnection: close\r\nContent-Length: ", Length, "\r\n\r\n", Body
    ]),
    gen_tcp:close(Socket).

headers(Socket) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, http_eoh} -> ok;
        {ok, _} -> headers(Socket)
    end.

answer(<<"/health">>) ->
    case filelib:is_file(filename:join(os:getenv("HOME"), "drained")) of
        true -> {"503 Drained", ""};
        false -> {"200 OK", "healthy"}
    end;
answer(_) ->
    {"200 OK", hello_rebar3:version()}.
