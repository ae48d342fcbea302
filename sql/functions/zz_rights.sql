-- The functions above call each other as the writer, and later the eraser; neither can be logged in
-- as. What the application may call is granted beside each function.

grant execute on all functions in schema betjee to exchange_writer, exchange_eraser;
revoke execute on function repair_exchange(bigint), rekey(bytea), rehash(bigint, bytea[], bytea[]) from exchange_writer, exchange_eraser;
