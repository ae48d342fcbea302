-- The live board: one message for each exchange that moderators put somewhere, kept up to date by
-- whichever process holds its lease. As with the outbox, a process claims boards, reads their figures,
-- speaks to the chat, and says what came of it; meanwhile it holds no lock.
--
-- A board is looked at when its exchange's sequence has grown, at most every 15 seconds, and else every
-- 10 minutes, since changes within a day move with the clock. It is edited only if it reads differently.
--
-- Locks: put_board(), remove_board() and lose_board() lock the exchange first; the others lock the
-- board's row alone, for one statement.

create or replace function put_board(
  p_exchange_id bigint, p_request_id bigint, p_moderator_user_id bigint, p_provider text, p_channel_id text,
  p_holder text, p_lease_seconds integer
) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Puts the board into a channel, on the record, in place of an earlier one, which is named so that its
-- message can be deleted. The caller has the lease at once and posts the message; if it dies, another
-- process posts it when the lease has run out. Locks: the exchange, then the board. Refuses:
-- not_a_moderator, invalid_channel. A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_moderator_user_id, p_provider, p_channel_id)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'put_board', v_parameters);
  v_now timestamptz := clock_timestamp();
  v_earlier live_boards;
  v_board live_boards;
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  if moderator_rank(p_exchange_id, p_moderator_user_id) is null then
    v_outcome := refusal('not_a_moderator', 'Only a moderator of this exchange may put its board.');
  elsif coalesce(char_length(p_channel_id), 0) not between 1 and 64 then
    v_outcome := refusal('invalid_channel', 'That is not a channel.');
  else
    delete from live_boards where exchange_id = p_exchange_id returning * into v_earlier;
    insert into live_boards (
      exchange_id, board_id, provider, channel_id, next_look_at, holder, claimed_at, leased_until)
    values (
      p_exchange_id, p_request_id, p_provider, p_channel_id, v_now,
      p_holder, v_now, v_now + make_interval(secs => p_lease_seconds))
    returning * into v_board;
    v_outcome := jsonb_build_object(
      'board_id', p_request_id, 'channel_id', p_channel_id, 'dedupe_key', v_board.dedupe_key, 'earlier_channel_id', v_earlier.channel_id,
      'earlier_message_id', v_earlier.message_id);
    perform log_moderation(
      v_exchange, p_moderator_user_id, 'put_board', jsonb_build_object('channel_id', p_channel_id), p_request_id);
  end if;
  return remember_request(p_exchange_id, p_request_id, 'put_board', v_parameters, v_outcome);
end
$$;
comment on function put_board(bigint, bigint, bigint, text, text, text, integer) is 'Put the live board of an exchange into a channel, on the record.';
alter function put_board(bigint, bigint, bigint, text, text, text, integer) owner to exchange_writer;
grant execute on function put_board(bigint, bigint, bigint, text, text, text, integer) to service_role;

create or replace function remove_board(p_exchange_id bigint, p_request_id bigint, p_moderator_user_id bigint) returns jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Forgets the board, on the record; returns where its message is. Locks: the exchange, then the board.
-- Refuses: not_a_moderator, no_board. A repeated request gets its first outcome.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_parameters text := jsonb_build_array(p_moderator_user_id)::text;
  v_outcome jsonb := recall_request(p_exchange_id, p_request_id, 'remove_board', v_parameters);
  v_board live_boards;
begin
  if v_outcome is not null then
    return v_outcome;
  end if;
  if moderator_rank(p_exchange_id, p_moderator_user_id) is null then
    v_outcome := refusal('not_a_moderator', 'Only a moderator of this exchange may remove its board.');
  else
    delete from live_boards where exchange_id = p_exchange_id returning * into v_board;
    if found then
      v_outcome := jsonb_build_object(
        'board_id', v_board.board_id, 'channel_id', v_board.channel_id, 'message_id', v_board.message_id);
      perform log_moderation(
        v_exchange, p_moderator_user_id, 'remove_board', jsonb_build_object('channel_id', v_board.channel_id), p_request_id);
    else
      v_outcome := refusal('no_board', 'There is no live board on this server; /board here puts one.');
    end if;
  end if;
  return remember_request(p_exchange_id, p_request_id, 'remove_board', v_parameters, v_outcome);
end
$$;
comment on function remove_board(bigint, bigint, bigint) is 'Forget the live board of an exchange, on the record.';
alter function remove_board(bigint, bigint, bigint) owner to exchange_writer;
grant execute on function remove_board(bigint, bigint, bigint) to service_role;

-- The editor

create or replace function claim_boards(p_holder text, p_lease_seconds integer, p_most_a_second integer) returns setof jsonb
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- Leases the boards that are due to a process, those that waited longest first, and no more than may be
-- looked at within a second by all processes together. Two that claim in the same moment may exceed that
-- by as much once. Locks: the boards' rows, skipping those that others are claiming.
declare
  v_now timestamptz := clock_timestamp();
  v_room bigint;
begin
  if p_lease_seconds is null or p_lease_seconds not between 1 and 300 or coalesce(char_length(p_holder), 0) not between 1 and 64 then
    raise exception 'A lease has a holder of 1 to 64 characters and lasts 1 to 300 seconds.' using errcode = 'invalid_parameter_value';
  end if;
  select greatest(least(p_most_a_second, 50) - count(*), 0) into v_room
  from live_boards where claimed_at > v_now - interval '1 second';
  return query
  with due as materialized (
    select b.exchange_id
    from live_boards b join exchanges e using (exchange_id)
    where b.next_look_at <= v_now and (b.leased_until is null or b.leased_until <= v_now)
      and (e.sequence > b.looked_sequence or b.looked_at is null or b.looked_at <= v_now - interval '10 minutes')
    order by b.next_look_at
    limit v_room
    for update of b skip locked),
  claimed as (
    update live_boards b
    set holder = p_holder, claimed_at = v_now, leased_until = v_now + make_interval(secs => p_lease_seconds)
    from due where b.exchange_id = due.exchange_id
    returning b.*)
  select jsonb_build_object(
    'exchange_id', c.exchange_id, 'board_id', c.board_id, 'provider', c.provider, 'channel_id', c.channel_id,
    'message_id', c.message_id, 'is_pinned', c.is_pinned, 'dedupe_key', c.dedupe_key, 'content_hash', c.content_hash)
  from claimed c order by c.next_look_at;
end
$$;
comment on function claim_boards(text, integer, integer) is 'Lease the boards that are due to a process, within the budget of all processes.';
alter function claim_boards(text, integer, integer) owner to exchange_writer;
grant execute on function claim_boards(text, integer, integer) to service_role;

create or replace function mark_board_shown(
  p_exchange_id bigint, p_board_id bigint, p_holder text, p_sequence bigint, p_content_hash text,
  p_message_id text, p_is_pinned boolean
) returns boolean
language sql security definer
set search_path = betjee, pg_temp
as $$
-- Ends the lease. Returns false where the board was removed or replaced meanwhile, or is another's.
  with shown as (
    update live_boards
    set message_id = p_message_id, is_pinned = p_is_pinned, looked_sequence = p_sequence, looked_at = clock_timestamp(),
      shown_at = case when content_hash is distinct from p_content_hash then clock_timestamp() else shown_at end,
      content_hash = p_content_hash, next_look_at = clock_timestamp() + interval '15 seconds', holder = null, leased_until = null
    where exchange_id = p_exchange_id and board_id = p_board_id and holder = p_holder
    returning 1)
  select exists (select from shown)
$$;
comment on function mark_board_shown(bigint, bigint, text, bigint, text, text, boolean) is 'Note what a board shows, and in which message; it is looked at again after 15 seconds at the earliest.';
alter function mark_board_shown(bigint, bigint, text, bigint, text, text, boolean) owner to exchange_writer;
grant execute on function mark_board_shown(bigint, bigint, text, bigint, text, text, boolean) to service_role;

create or replace function postpone_board(p_exchange_id bigint, p_board_id bigint, p_holder text, p_seconds integer) returns void
language sql security definer
set search_path = betjee, pg_temp
as $$
  update live_boards
  set holder = null, leased_until = null, next_look_at = clock_timestamp() + make_interval(secs => least(greatest(p_seconds, 0), 3600))
  where exchange_id = p_exchange_id and board_id = p_board_id and holder = p_holder
$$;
comment on function postpone_board(bigint, bigint, text, integer) is 'Give a board''s lease back, to be looked at again after so many seconds.';
alter function postpone_board(bigint, bigint, text, integer) owner to exchange_writer;
grant execute on function postpone_board(bigint, bigint, text, integer) to service_role;

create or replace function lose_board(p_exchange_id bigint, p_board_id bigint, p_reason text) returns boolean
language plpgsql security definer
set search_path = betjee, pg_temp
as $$
-- The board's message is gone or out of reach: it is forgotten, and the moderators are told, as each of
-- them chose to be. It is not posted again, since somebody wanted it gone. Returns false where it was
-- removed or replaced before. Without a reason nobody is told: who put it sees it fail. Locks: the
-- exchange, then the board.
declare
  v_exchange exchanges := lock_exchange(p_exchange_id);
  v_board live_boards;
begin
  delete from live_boards where exchange_id = p_exchange_id and board_id = p_board_id returning * into v_board;
  if not found then
    return false;
  end if;
  if p_reason is not null then
    perform queue_notices(v_exchange, array(
      select (m.user_id, 'board_lost', jsonb_build_object('channel_id', v_board.channel_id, 'reason', p_reason))::notice
      from moderators m where m.exchange_id = p_exchange_id order by m.user_id));
  end if;
  return true;
end
$$;
comment on function lose_board(bigint, bigint, text) is 'Forget a board whose message is gone or out of reach, and tell the moderators.';
alter function lose_board(bigint, bigint, text) owner to exchange_writer;
grant execute on function lose_board(bigint, bigint, text) to service_role;
