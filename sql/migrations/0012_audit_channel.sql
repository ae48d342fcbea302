-- Where every act of a moderator is posted as it is recorded.

set local search_path = betjee, pg_temp;

alter table communities
  add column audit_channel_id text,
  add constraint communities_audit_channel_bounded check (char_length(audit_channel_id) between 1 and 64);
comment on column communities.audit_channel_id is 'The channel to which every entry of the moderation log is posted; null: nowhere.';
grant update (audit_channel_id) on communities to exchange_writer;
