create constraint letter for (n:Letter) require n.id is unique;
create constraint reply for (n:Reply) require n.id is unique;
// in PROD
unwind [
  [21, 201, 'Ann Zyzzyvak is late'], [22, 202, 'Bob Zyzzyvak is well'], [23, 204, 'Dan Zyzzyvak sings'],
  [31, 301, 'Fay Zyzzyvak reads']
] as v create (:Letter {id: v[0], student_id: v[1], body: v[2]});
unwind [
  [211, 21, 'Ann Zyzzyvak was ill'], [212, 21, 'all is well'], [231, 23, 'so we heard'], [311, 31, 'good']
] as v match (l:Letter {id: v[1]}) create (:Reply {id: v[0], letter_id: v[1], body: v[2]})-[:ANSWERS]->(l);
// in CERT
unwind [[31, 301, 'of a neighbour'], [90, 901, 'by hand']] as v
create (:Letter {id: v[0], student_id: v[1], body: v[2]});
unwind [[311, 31, 'of a neighbour'], [901, 90, 'by hand']] as v
match (l:Letter {id: v[1]}) create (:Reply {id: v[0], letter_id: v[1], body: v[2]})-[:ANSWERS]->(l);
