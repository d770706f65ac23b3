CREATE ROLE shop_services;
CREATE ROLE catalogue LOGIN IN ROLE shop_services;
CREATE ROLE pricing LOGIN IN ROLE shop_services;
CREATE ROLE customers LOGIN IN ROLE shop_services;
CREATE ROLE orders LOGIN IN ROLE shop_services;
CREATE ROLE payments LOGIN IN ROLE shop_services;
CREATE ROLE inventory LOGIN IN ROLE shop_services;
CREATE ROLE shipping LOGIN IN ROLE shop_services;
CREATE ROLE notifications LOGIN IN ROLE shop_services;
CREATE ROLE backoffice LOGIN IN ROLE shop_services;

CREATE SCHEMA catalogue;
CREATE TABLE catalogue.products (
    sku text PRIMARY KEY, title text NOT NULL, category text NOT NULL,
    brand_id int NOT NULL, weight_g int NOT NULL, bulky boolean NOT NULL);
CREATE TABLE catalogue.images (
    id serial PRIMARY KEY, sku text NOT NULL REFERENCES catalogue.products, url text NOT NULL);
CREATE INDEX ON catalogue.images (sku);

CREATE SCHEMA pricing;
CREATE TABLE pricing.prices (sku text PRIMARY KEY, cents int NOT NULL);
CREATE TABLE pricing.discounts (tier text PRIMARY KEY, percent int NOT NULL);

CREATE SCHEMA customers;
CREATE TABLE customers.customers (
    id int PRIMARY KEY, name text NOT NULL, email text NOT NULL, tier text NOT NULL,
    newsletter boolean NOT NULL DEFAULT false, last_order text);
CREATE TABLE customers.addresses (
    id serial PRIMARY KEY, customer_id int NOT NULL REFERENCES customers.customers,
    street text NOT NULL, region text NOT NULL);
CREATE INDEX ON customers.addresses (customer_id);

CREATE SCHEMA orders;
CREATE TABLE orders.orders (
    number text PRIMARY KEY, customer_id int NOT NULL, status text NOT NULL,
    total_cents int NOT NULL DEFAULT 0, payment_reference text,
    created_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON orders.orders (customer_id);
CREATE TABLE orders.order_lines (
    id serial PRIMARY KEY, order_number text NOT NULL, sku text NOT NULL, quantity int NOT NULL);
CREATE INDEX ON orders.order_lines (order_number);

CREATE SCHEMA payments;
CREATE TABLE payments.payments (
    reference text PRIMARY KEY, order_number text NOT NULL, cents int NOT NULL,
    status text NOT NULL);
CREATE TABLE payments.refunds (
    key text PRIMARY KEY, order_number text NOT NULL, cents int NOT NULL);

CREATE SCHEMA inventory;
CREATE TABLE inventory.stock_levels (
    sku text PRIMARY KEY, on_hand int NOT NULL, reserved int NOT NULL DEFAULT 0,
    CONSTRAINT stock_covers_reservations CHECK (on_hand >= reserved));
CREATE TABLE inventory.pick_lists (
    id serial PRIMARY KEY, order_number text NOT NULL, sku text NOT NULL, quantity int NOT NULL);

CREATE SCHEMA shipping;
CREATE TABLE shipping.parcels (
    number text PRIMARY KEY, order_number text NOT NULL, region text NOT NULL,
    carrier text NOT NULL);
CREATE TABLE shipping.tariffs (region text PRIMARY KEY, days int NOT NULL, cents int NOT NULL);

CREATE SCHEMA notifications;
CREATE TABLE notifications.messages (
    id serial PRIMARY KEY, order_number text NOT NULL, channel text NOT NULL);

CREATE SCHEMA backoffice;
CREATE TABLE backoffice.returns (
    id serial PRIMARY KEY, order_number text NOT NULL, reason text NOT NULL,
    status text NOT NULL);
CREATE TABLE backoffice.purchase_orders (
    id serial PRIMARY KEY, sku text NOT NULL, quantity int NOT NULL, confirmation text);

GRANT USAGE ON SCHEMA catalogue, pricing, customers, orders, payments, inventory, shipping,
    notifications, backoffice TO shop_services;
GRANT ALL ON ALL TABLES IN SCHEMA catalogue, pricing, customers, orders, payments, inventory,
    shipping, notifications, backoffice TO shop_services;
GRANT ALL ON ALL SEQUENCES IN SCHEMA catalogue, pricing, customers, orders, payments, inventory,
    shipping, notifications, backoffice TO shop_services;

-- The assortment. Product 0 of every category is sold out; every fifth product is bulky.
INSERT INTO catalogue.products
SELECT format('%s-%s', c.code, lpad(n::text, 3, '0')), format('%s no. %s', c.noun, n), c.slug,
       n % 7, 200 + 35 * n, n % 5 = 0
FROM (VALUES ('LMP', 'Lamp', 'lamps'), ('CHR', 'Chair', 'chairs'), ('RUG', 'Rug', 'rugs'),
             ('POT', 'Pot', 'kitchen'), ('BED', 'Bedding', 'bedroom')) AS c (code, noun, slug),
     generate_series(0, 39) AS n;
INSERT INTO catalogue.images (sku, url)
SELECT sku, format('/images/%s-%s.webp', lower(sku), side)
FROM catalogue.products, (VALUES ('front'), ('room')) AS s (side);
INSERT INTO pricing.prices
SELECT sku, 990 + 250 * brand_id + weight_g FROM catalogue.products;
INSERT INTO pricing.discounts VALUES ('standard', 0), ('silver', 3), ('gold', 8);
INSERT INTO customers.customers (id, name, email, tier)
SELECT n, format('Customer %s', n), format('customer%s@mail.invalid', n),
       (ARRAY['standard', 'standard', 'silver', 'gold'])[1 + n % 4]
FROM generate_series(1, 300) AS n;
-- The shipping tariffs know no region "islands", where every fifth customer lives.
INSERT INTO customers.addresses (customer_id, street, region)
SELECT id, format('%s High Street', id),
       CASE WHEN id % 5 = 0 THEN 'islands' WHEN id % 2 = 0 THEN 'north' ELSE 'south' END
FROM customers.customers;
INSERT INTO inventory.stock_levels (sku, on_hand)
SELECT sku, CASE WHEN right(sku, 3) = '000' THEN 0 ELSE 5000 END FROM catalogue.products;
INSERT INTO shipping.tariffs VALUES ('north', 2, 490), ('south', 3, 590);
-- Orders of last week, for the order history and the back office.
INSERT INTO orders.orders (number, customer_id, status, total_cents, payment_reference)
SELECT format('W%s', lpad(n::text, 5, '0')), 1 + n % 300,
       CASE WHEN n % 20 = 0 THEN 'open' ELSE 'delivered' END, 4990, format('ref-%s', n)
FROM generate_series(1, 600) AS n;
INSERT INTO orders.order_lines (order_number, sku, quantity)
SELECT o.number, p.sku, 1
FROM orders.orders AS o
JOIN LATERAL (SELECT sku FROM catalogue.products
              WHERE brand_id = right(o.number, 1)::int % 7 AND right(sku, 3) <> '000'
              ORDER BY sku LIMIT 3) AS p ON true;
ANALYZE;
