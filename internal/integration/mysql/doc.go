// Package mysql holds the tests of driver/mysql against a real MariaDB.
package mysql
