//! Tables of HCP2.

use crate::schema::{StoreId, TableSpec};

pub(crate) static PRODUCTS: TableSpec = TableSpec {
    columns: &["id", "sku", "title", "vendor", "unit_price"],
    key: &["id"],
    nullable: &["unit_price"],
    ..TableSpec::base(StoreId::Hcp2, "products")
};

pub(crate) static LICENCES: TableSpec = TableSpec {
    columns: &[
        "id",
        "district_id",
        "product_id",
        "contract_no",
        "seats",
        "valid_during",
        "contact_email",
    ],
    key: &["id"],
    nullable: &["contact_email"],
    ..TableSpec::base(StoreId::Hcp2, "licences")
};

pub(crate) static DEVICES: TableSpec = TableSpec {
    columns: &[
        "id",
        "district_id",
        "student_id",
        "asset_tag",
        "serial_number",
        "mac_address",
        "last_ip",
        "host_name",
        "last_seen_at",
    ],
    key: &["id"],
    nullable: &["student_id", "last_ip", "last_seen_at"],
    ..TableSpec::base(StoreId::Hcp2, "devices")
};

pub(crate) static USAGE_EVENTS: TableSpec = TableSpec {
    columns: &[
        "happened_at",
        "licence_id",
        "device_id",
        "user_email",
        "event",
        "seconds",
        "ip_address",
    ],
    nullable: &["device_id", "user_email", "seconds", "ip_address"],
    ..TableSpec::base(StoreId::Hcp2, "usage_events")
};
