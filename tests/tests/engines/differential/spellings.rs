//! Spellings of expressions, and their corner cases: both engines accept them with the same result, or neither does.

use serde_json::{Value, json};

use super::both::Both;

#[tokio::test]
async fn spellings_are_answered_alike() {
    let item = json!({
        "pk": { "S": "k" }, "s": { "S": "aé😀" }, "n": { "N": "5" }, "b": { "B": "AQID" }, "t": { "BOOL": true },
        "ss": { "SS": ["a", "b"] }, "ns": { "NS": ["1", "2"] }, "bs": { "BS": ["AQ=="] }, "z": { "NULL": true },
        "l": { "L": [{ "N": "1" }, { "S": "a" }, { "L": [{ "N": "1" }] }] }, "e": { "S": "" },
        "m": { "M": { "x": { "N": "1" }, "l": { "L": [] } } },
    });
    let conditions = CONDITIONS.iter().map(|text| ("ConditionExpression", *text));
    let updates = UPDATES.iter().map(|text| ("UpdateExpression", *text));
    let mut failures = Vec::new();
    for (field, text) in conditions.chain(updates) {
        let both = Both::new().await;
        both.send("PutItem", &json!({ "TableName": "one", "Item": item }));
        let mut request =
            json!({ "TableName": "one", "Key": { "pk": { "S": "k" } }, "ReturnValues": "ALL_NEW" });
        request[field] = text.into();
        let values = values_in(text);
        if values != json!({}) {
            request["ExpressionAttributeValues"] = values;
        }
        let [ours, theirs] = both.send("UpdateItem", &request);
        let known = KNOWN.iter().find(|(known, _)| *known == text);
        let what = match (ours.differs(&theirs), known) {
            (false, None) | (true, Some(_)) => continue,
            (true, None) => "the answers differ",
            (false, Some(_)) => "the answers are the same; remove it from KNOWN",
        };
        failures.push(format!(
            "`{text}`: {what}\n   ours:   {} {}\n   theirs: {} {}",
            ours.code, ours.body, theirs.code, theirs.body
        ));
    }
    let count = failures.len();
    assert!(failures.is_empty(), "{count}:\n{}", failures.join("\n"));
}

/// The values of the placeholders in the expression. A request with others would be refused.
fn values_in(expression: &str) -> Value {
    let mut values = json!({
        ":n": { "N": "5" }, ":n1": { "N": "1" }, ":n3": { "N": "3" }, ":n4": { "N": "4" }, ":n6": { "N": "6" },
        ":n7": { "N": "7" },
        ":s": { "S": "a" }, ":e": { "S": "" }, ":b": { "B": "AgM=" }, ":be": { "B": "" }, ":t": { "BOOL": true },
        ":ss": { "SS": ["b", "a"] }, ":l": { "L": [{ "N": "1" }] }, ":z": { "NULL": true }, ":ty": { "S": "N" },
        ":m": { "M": {} },
    });
    let is_used = |key: &str| {
        let mut words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == ':'));
        words.any(|word| word == key)
    };
    values
        .as_object_mut()
        .unwrap()
        .retain(|key, _| is_used(key));
    values
}

/// Expressions that are answered differently, and why.
const KNOWN: &[(&str, &str)] = &[
    (
        "ATTRIBUTE_EXISTS(n)",
        "AWS documents that names of functions are case-sensitive",
    ),
    (
        "attribute_type(n, n)",
        "AWS documents that the type is a value",
    ),
    (
        "t > :t",
        "AWS documents that a value of an ordering operator is a text, a number or bytes",
    ),
    ("absent = absent", "DynamoDB refuses two equal operands"),
    (
        "attribute_exists(l[ 0 ])",
        "a spelling that the embedded engine accepts",
    ),
    (
        "attribute_exists(l[01])",
        "a spelling that the embedded engine accepts",
    ),
];
const CONDITIONS: &[&str] = &[
    "size(s) = :n3",
    "size(s) = :n4",
    "size(s) = :n6",
    "size(s) = :n7",
    "size(b) = :n3",
    "size(n) > :n1",
    "size(t) = :n1",
    "size(l) = :n3",
    "size(m.l) < :n1",
    "size(e) < :n1",
    "size(absent) < :n1",
    "NOT size(absent) < :n1",
    "size(:s) = :n1",
    "contains(b, :b)",
    "contains(s, :e)",
    "contains(b, :be)",
    "contains(l, :l)",
    "contains(l, :s)",
    "contains(ss, :s)",
    "contains(ss, :ss)",
    "contains(ns, :n1)",
    "contains(m, :s)",
    "contains(n, :n)",
    "contains(:s, :e)",
    "contains(s, s)",
    "begins_with(s, :e)",
    "begins_with(b, :be)",
    "begins_with(n, :s)",
    "begins_with(s, :n)",
    "begins_with(absent, :s)",
    "begins_with(:s, :e)",
    "absent <> :n",
    "NOT absent = :n",
    "absent = absent",
    "absent < :n",
    "NOT absent < :n",
    "ss = :ss",
    "ss <> :ss",
    "z = :z",
    "t = :t",
    "m = :m",
    "m.l = :l",
    "n IN (:s, :n)",
    "n IN (:s)",
    "absent IN (:s, :n)",
    "n IN ()",
    "n BETWEEN :n3 AND :n6",
    "n BETWEEN n AND :n6",
    "n BETWEEN :n6 AND :n3",
    "absent BETWEEN :n3 AND :n6",
    "s BETWEEN :e AND :s",
    "((n = :n))",
    "(n = :n)",
    "((n = :n) AND n = :n)",
    "((n = :n) AND (n = :n))",
    "((n = :n AND n = :n))",
    "(((n = :n) OR n = :n) AND n = :n)",
    "((n = :n) AND ((n = :n)))",
    "NOT ((n = :n))",
    "(n) = :n",
    "n = (:n)",
    "not n = :n",
    "NOT NOT n = :n",
    "n = :n and n = :n Or n = :s",
    "ATTRIBUTE_EXISTS(n)",
    "attribute_exists (n)",
    "attribute_exists(n",
    "attribute_exists()",
    "attribute_exists(:n)",
    "attribute_exists(n, n)",
    "attribute_exists(size(n))",
    "attribute_exists(l[2][0])",
    "attribute_exists(l[2][1])",
    "attribute_exists(l[ 0 ])",
    "attribute_exists(m . x)",
    "attribute_exists(m..x)",
    "attribute_exists(l[-1])",
    "attribute_exists(l[:n])",
    "attribute_exists(l[01])",
    "attribute_exists([0])",
    "attribute_exists(.m)",
    "attribute_type(n, :ty)",
    "attribute_type(m.x, :ty)",
    "attribute_type(absent, :ty)",
    "attribute_type(n, n)",
    "n = :n AND",
    "AND n = :n",
    "n == :n",
    "n != :n",
    "n =:n",
    "n<>:n",
    "n < > :n",
    "n > = :n",
    "n",
    ":n",
    "",
    " ",
    "n = :n; n = :n",
    "n = 5",
    "n = \"5\"",
    "_n = :n",
    "1n = :n",
    "n-1 = :n",
    "and = :n",
    "in = :n",
    "n = :n)",
    "n = :n n = :n",
    "size(n = :n)",
    "size(size(s)) = :n",
    "size(s) = size(s)",
    "size(s) < size(b)",
    "l[0] = m.x",
    ":n = n",
    ":n = :n",
    ":n = :n1",
    "b > :b",
    "t > :t",
    "n > t",
    "n > s",
    "e = :e",
    "attribute_not_exists(l[9])",
];

const UPDATES: &[&str] = &[
    "SET x = :n",
    "set x = :n",
    "Set x=:n remove n",
    "SET x = n + :n",
    "SET x = :n + n",
    "SET x = :n - :n1",
    "SET x = -:n",
    "SET x = n + :n + :n",
    "SET x = (n + :n)",
    "SET x = (:n)",
    "SET x = ((:n))",
    "SET x = (n + :n) + :n",
    "SET x = ((n) + :n)",
    "SET x = if_not_exists(absent, (:n))",
    "SET x = absent + :n",
    "SET x = s + :n",
    "SET n = n - n",
    "SET x = if_not_exists(absent, :n)",
    "SET x = if_not_exists(n, :s)",
    "SET x = if_not_exists(absent, absent)",
    "SET x = if_not_exists(absent, n) + :n",
    "SET x = if_not_exists(n + :n, :n)",
    "SET x = if_not_exists(:n, :n)",
    "SET x = list_append(l, :l)",
    "SET x = list_append(:l, l)",
    "SET x = list_append(l, l)",
    "SET x = list_append(n, l)",
    "SET x = list_append(absent, :l)",
    "SET x = list_append(l, :n)",
    "SET x = list_append(l, :l) + :n",
    "SET x = list_append(if_not_exists(absent, :l), list_append(l, :l))",
    "SET x = size(l)",
    "SET x = attribute_exists(l)",
    "SET x.y = :n",
    "SET m.y = :n",
    "SET m.x.y = :n",
    "SET l[1] = :n",
    "SET l[3] = :n",
    "SET l[9] = :n, l[7] = :s",
    "SET l[2][0] = :n",
    "SET l.x = :n",
    "SET m[0] = :n",
    "SET l[0] = l[1], l[1] = l[0]",
    "SET x = n, n = :s",
    "SET x = :n, x = :n",
    "SET m = :m, m.x = :n",
    "SET x = :n,",
    "SET",
    "SET x",
    "SET x =",
    "SET x = :n y = :n",
    "SET x = :n SET y = :n",
    "REMOVE n, n",
    "REMOVE absent",
    "REMOVE absent.x",
    "REMOVE m.absent",
    "REMOVE m.absent.x",
    "REMOVE n.x",
    "REMOVE l[0], l[2]",
    "REMOVE l[9]",
    "REMOVE l[2][0]",
    "REMOVE l[0].x",
    "REMOVE m.l[0]",
    "REMOVE pk",
    "REMOVE l[0] SET l[1] = :n",
    "REMOVE l[0] SET l[9] = :n",
    "REMOVE l[3] SET l[9] = :n",
    "REMOVE m[0]",
    "REMOVE :n",
    "ADD n :n",
    "ADD absent :n",
    "ADD ss :ss",
    "ADD absent :ss",
    "ADD n :ss",
    "ADD s :s",
    "ADD s :ss",
    "ADD m.x :n",
    "ADD m.y :n",
    "ADD absent.y :n",
    "ADD l[0] :n",
    "ADD l[9] :n",
    "ADD n n",
    "ADD l :l",
    "ADD n :n, absent :ss",
    "DELETE ss :ss",
    "DELETE absent :ss",
    "DELETE ns :ss",
    "DELETE n :n",
    "DELETE n :ss",
    "DELETE ss ss",
    "DELETE m.x :ss",
    "DELETE m.y :ss",
    "DELETE absent.y :ss",
    "SET pk = :s",
    "SET x = pk",
    "SET s = :n",
    "SET b = :be",
    "SET s = :e",
    "DELETE ss :ss SET x = ss",
    "n = :n",
    "SET x = :n ADD",
    "SET x := :n",
    "SET x = :none",
    "SET #none = :n",
];
