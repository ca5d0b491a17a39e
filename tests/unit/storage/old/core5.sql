BEGIN TRANSACTION;
CREATE TABLE access_rules (
	bridge TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	allow BOOLEAN NOT NULL, 
	reason TEXT NOT NULL, 
	author TEXT NOT NULL, 
	created DOUBLE NOT NULL, 
	PRIMARY KEY (bridge, subject)
);
CREATE TABLE account_settings (
	bridge TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	network TEXT NOT NULL, 
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	secret BOOLEAN NOT NULL, 
	PRIMARY KEY (bridge, owner, network, name)
);
CREATE TABLE accounts (
	bridge TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	network TEXT NOT NULL, 
	nick TEXT NOT NULL, 
	wanted BOOLEAN NOT NULL, 
	stopped BOOLEAN NOT NULL, 
	reason TEXT NOT NULL, 
	created DOUBLE NOT NULL, 
	PRIMARY KEY (bridge, owner, network)
);
INSERT INTO "accounts" VALUES('irc','alice4@localhost','inspircd','Alice2',1,0,'',1.79527765545342421534e+09);
INSERT INTO "accounts" VALUES('irc','alice8@localhost','inspircd','Alice6',1,0,'',1.79527765755810952185e+09);
INSERT INTO "accounts" VALUES('irc','alice12@localhost','inspircd','Alice10',1,0,'',1.79527765953793454166e+09);
INSERT INTO "accounts" VALUES('irc','alice16@localhost','inspircd','Alice14',1,0,'',1.79527766172624301914e+09);
INSERT INTO "accounts" VALUES('irc','alice20@localhost','inspircd','Alice18',1,0,'',1.79527766361154055593e+09);
INSERT INTO "accounts" VALUES('irc','alice24@localhost','inspircd','Alice22',1,0,'',1.7952776658593657017e+09);
INSERT INTO "accounts" VALUES('irc','alice30@localhost','inspircd','Alice28',1,0,'',1.79527766768820524218e+09);
INSERT INTO "accounts" VALUES('irc','alice34@localhost','inspircd','Alice32',1,0,'',1.79527766999977421761e+09);
INSERT INTO "accounts" VALUES('irc','alice38@localhost','inspircd','Alice36',1,0,'',1.79527767286450719826e+09);
INSERT INTO "accounts" VALUES('irc','alice42@localhost','inspircd','Alice40',1,0,'',1.79527767418349361427e+09);
INSERT INTO "accounts" VALUES('irc','alice47@localhost','inspircd','Alice45',1,0,'',1.79527767798284840585e+09);
INSERT INTO "accounts" VALUES('irc','alice52@localhost','inspircd','Alice50',1,0,'',1.7952776815117907524e+09);
INSERT INTO "accounts" VALUES('irc','alice56@localhost','inspircd','Alice54',1,0,'',1.79527768345351719861e+09);
INSERT INTO "accounts" VALUES('irc','bob57@localhost','inspircd','Bob58',1,0,'',1.79527768454730081559e+09);
INSERT INTO "accounts" VALUES('irc','alice62@localhost','inspircd','Alice60',1,0,'',1.79527768680954647058e+09);
INSERT INTO "accounts" VALUES('irc','alice66@localhost','inspircd','Alice64',1,0,'',1.79527768905783343313e+09);
INSERT INTO "accounts" VALUES('irc','alice70@localhost','inspircd','Alice68',1,0,'',1.79527769190192723275e+09);
INSERT INTO "accounts" VALUES('irc','alice74@localhost','inspircd','Alice72',1,0,'',1.79527769329039359096e+09);
INSERT INTO "accounts" VALUES('irc','alice78@localhost','inspircd','Alice76',1,0,'',1.79527769591450643538e+09);
INSERT INTO "accounts" VALUES('irc','alice82@localhost','inspircd','Alice80',1,0,'',1.79527769745923805244e+09);
INSERT INTO "accounts" VALUES('irc','alice86@localhost','inspircd','Alice84',1,0,'',1.79527769993201065067e+09);
INSERT INTO "accounts" VALUES('irc','alice90@localhost','inspircd','Alice88',1,0,'',1795277702.57145);
CREATE TABLE archive (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	archive_id BIGINT NOT NULL, 
	stanza_id TEXT NOT NULL, 
	foreign_id TEXT, 
	sender TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	body TEXT NOT NULL, 
	sent_at DOUBLE NOT NULL
);
INSERT INTO "archive" VALUES(1,-3665166943370211048,'mwqlymge-l0mvhaeotoqt-7',NULL,'Alice6','chat','Grüße & <b>küsse</b> 🙂 ]]> %20 \20, says alice',1.79527765758183073998e+09);
INSERT INTO "archive" VALUES(2,-3665166943370211048,'001~1795277644~1','001~1795277644~1','carol7','chat','Grüße & <b>küsse</b> 🙂 ]]> %20 \20, says carol',1795277657.598);
INSERT INTO "archive" VALUES(3,-3665166943370211048,'mwqlymge-l0mvhaeotoqt-8',NULL,'Alice6','action','waves',1.79527765765243554115e+09);
INSERT INTO "archive" VALUES(4,-3665166943370211048,'001~1795277644~3','001~1795277644~3','carol7','action','waves back',1795277657.687);
INSERT INTO "archive" VALUES(5,6764870558067389332,'mwqlymge-l0mvhaeotoqt-c',NULL,'Alice10','chat','one
two

three',1.79527765954771280289e+09);
INSERT INTO "archive" VALUES(6,-3238554842150890753,'mwqlymge-l0mvhaeotoqt-1a',NULL,'Alice28','chat','still here, says alice',1.7952776677192783355e+09);
INSERT INTO "archive" VALUES(7,-3238554842150890753,'001~1795277644~11','001~1795277644~11','carol29','chat','still here, says carol',1795277667.72);
INSERT INTO "archive" VALUES(8,-8538998689547367103,'mwqlymge-l0mvhaeotoqt-32',NULL,'Alice50','chat','from my phone',1.7952776816603126526e+09);
INSERT INTO "archive" VALUES(9,-8538998689547367103,'001~1795277644~13','001~1795277644~13','carol51','chat','hello both',1795277681.664);
INSERT INTO "archive" VALUES(10,-8538998689547367103,'mwqlymge-l0mvhaeotoqt-33',NULL,'Alice50','chat','one device is left, says alice',1.79527768171744084354e+09);
INSERT INTO "archive" VALUES(11,-8538998689547367103,'001~1795277644~15','001~1795277644~15','carol51','chat','one device is left, says carol',1795277681.724);
INSERT INTO "archive" VALUES(12,6327395400631258701,'mwqlymge-l0mvhaeotoqt-3c',NULL,'Bob58','chat','hello alice',1.79527768463160228729e+09);
INSERT INTO "archive" VALUES(13,-8731386259206866441,'001~1795277644~16','001~1795277644~16','Bob58','chat','hello alice',1795277684.632);
INSERT INTO "archive" VALUES(14,-8731386259206866441,'mwqlymge-l0mvhaeotoqt-3d',NULL,'Alice54','chat','three of us, says alice',1.79527768463609623903e+09);
INSERT INTO "archive" VALUES(15,6327395400631258701,'001~1795277644~17','001~1795277644~17','Alice54','chat','three of us, says alice',1795277684.636);
INSERT INTO "archive" VALUES(16,-8731386259206866441,'001~1795277644~18','001~1795277644~18','carol55','chat','three of us, says carol',1795277684.637);
INSERT INTO "archive" VALUES(17,6327395400631258701,'001~1795277644~18','001~1795277644~18','carol55','chat','three of us, says carol',1795277684.637);
INSERT INTO "archive" VALUES(18,5926527730548511745,'mwqlymge-l0mvhaeotoqt-44',NULL,'Alice64','chat','earlier, says alice',1.79527768908349061012e+09);
INSERT INTO "archive" VALUES(19,5926527730548511745,'001~1795277644~20','001~1795277644~20','carol65','chat','earlier, says carol',1795277689.084);
INSERT INTO "archive" VALUES(20,-6452198509404078937,'001~1795277644~21','001~1795277644~21','carol85','chat','>café<',1795277699.947);
INSERT INTO "archive" VALUES(21,-6452198509404078937,'001~1795277644~22','001~1795277644~22','carol85','chat','>bold red<',1795277699.99);
INSERT INTO "archive" VALUES(22,-6452198509404078937,'001~1795277644~23','001~1795277644~23','carol85','chat','>[31m<',1795277699.999);
INSERT INTO "archive" VALUES(23,-6452198509404078937,'001~1795277644~24','001~1795277644~24','carol85','chat','>ð<',1795277700.003);
INSERT INTO "archive" VALUES(24,-6452198509404078937,'001~1795277644~25','001~1795277644~25','carol85','chat','>ÿþ<',1795277700.012);
INSERT INTO "archive" VALUES(25,-6452198509404078937,'mwqlymge-l0mvhaeotoqt-4c',NULL,'Alice84','chat','after the noise, says alice',1.79527770003932404512e+09);
INSERT INTO "archive" VALUES(26,-6452198509404078937,'001~1795277644~27','001~1795277644~27','carol85','chat','after the noise, says carol',1795277700.042);
CREATE TABLE archives (
	id BIGINT NOT NULL, 
	bridge TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	network TEXT NOT NULL, 
	room_key TEXT NOT NULL, 
	used DOUBLE NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "archives" VALUES(-3665166943370211048,'irc','alice8@localhost','inspircd','#room5',1.7952776575819618702e+09);
INSERT INTO "archives" VALUES(6764870558067389332,'irc','alice12@localhost','inspircd','#room9',1.79527765954782867431e+09);
INSERT INTO "archives" VALUES(-3238554842150890753,'irc','alice30@localhost','inspircd','#room27',1.79527766771939373017e+09);
INSERT INTO "archives" VALUES(-8538998689547367103,'irc','alice52@localhost','inspircd','#room49',1.79527768166044259063e+09);
INSERT INTO "archives" VALUES(6327395400631258701,'irc','bob57@localhost','inspircd','#room53',1.79527768463171172146e+09);
INSERT INTO "archives" VALUES(-8731386259206866441,'irc','alice56@localhost','inspircd','#room53',1.79527768463300085063e+09);
INSERT INTO "archives" VALUES(5926527730548511745,'irc','alice66@localhost','inspircd','#room63',1.79527768908361697194e+09);
INSERT INTO "archives" VALUES(-6452198509404078937,'irc','alice86@localhost','inspircd','#room83',1.79527769998380088813e+09);
CREATE TABLE contacts (
	bridge TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	network TEXT NOT NULL, 
	name TEXT NOT NULL, 
	display_name TEXT NOT NULL, 
	picture TEXT NOT NULL, 
	about TEXT NOT NULL, 
	listed BOOLEAN NOT NULL, 
	PRIMARY KEY (bridge, owner, network, name)
);
CREATE TABLE deliveries (
	id TEXT NOT NULL, 
	bridge TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	network TEXT NOT NULL, 
	inbound BOOLEAN NOT NULL, 
	room BOOLEAN NOT NULL, 
	peer TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	body TEXT NOT NULL, 
	extra TEXT NOT NULL, 
	parts TEXT NOT NULL, 
	said_at DOUBLE NOT NULL, 
	stanza_type TEXT NOT NULL, 
	stanza_id TEXT NOT NULL, 
	origin TEXT NOT NULL, 
	jid TEXT NOT NULL, 
	foreign_id TEXT NOT NULL, 
	unreported TEXT NOT NULL, 
	receipt BOOLEAN NOT NULL, 
	markable BOOLEAN NOT NULL, 
	state TEXT NOT NULL, 
	condition TEXT NOT NULL, 
	error_type TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	handed BOOLEAN NOT NULL, 
	active BOOLEAN NOT NULL, 
	created DOUBLE NOT NULL, 
	changed DOUBLE NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT deliveries_state CHECK (state IN ('queued', 'accepted', 'delivered', 'read', 'failed', 'unknown'))
);
INSERT INTO "deliveries" VALUES('mwqlymge-37x9bc036qlc2-1','irc','alice16@localhost','inspircd',0,0,'carol15','chat','','','',1.79527766175019049639e+09,'chat','t1','alice16@localhost/desk','carol15%inspircd@irc.localhost','','',0,0,'accepted','','','',1,0,0,1.79527766175019049639e+09,1.79527766177259397511e+09);
INSERT INTO "deliveries" VALUES('bd91e385d63273b4a0c498b19bda40b505cc42ee','irc','alice16@localhost','inspircd',1,0,'carol15','chat','and for you','','',1795277661.782,'chat','001~1795277644~8','','carol15%inspircd@irc.localhost','001~1795277644~8','',0,0,'queued','','','',0,1,1,1.79527766178342580794e+09,1.79527766376305198672e+09);
INSERT INTO "deliveries" VALUES('mwqlymge-37x9bc036qlc2-2','irc','alice16@localhost','inspircd',0,0,'carol15','chat','','','',1.79527766182745456696e+09,'chat','t2','alice16@localhost/desk','#room13%inspircd@irc.localhost/carol15','','',0,0,'accepted','','','',1,0,0,1.79527766182745456696e+09,1.79527766182928562158e+09);
INSERT INTO "deliveries" VALUES('mwqlymge-37x9bc036qlc2-3','irc','alice20@localhost','inspircd',0,0,'nobody-at-all','chat','','','',1.79527766363106036184e+09,'chat','t1','alice20@localhost/desk','nobody-at-all%inspircd@irc.localhost','','',0,0,'accepted','','','',1,0,0,1.79527766363106036184e+09,1.79527766365017962457e+09);
CREATE TABLE delivery_keys (
	"key" TEXT NOT NULL, 
	delivery_id TEXT NOT NULL, 
	created DOUBLE NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "delivery_keys" VALUES('bd91e385d63273b4a0c498b19bda40b505cc42ee','bd91e385d63273b4a0c498b19bda40b505cc42ee',1.79527766178342580794e+09);
CREATE TABLE delivery_marks (
	bridge TEXT NOT NULL, 
	confirmed DOUBLE NOT NULL, 
	PRIMARY KEY (bridge)
);
INSERT INTO "delivery_marks" VALUES('irc',1.79527770094288921355e+09);
CREATE TABLE joined_resources (
	bridge TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	network TEXT NOT NULL, 
	room_key TEXT NOT NULL, 
	jid TEXT NOT NULL, 
	room_local TEXT NOT NULL, 
	nick TEXT NOT NULL, 
	PRIMARY KEY (bridge, owner, network, room_key, jid)
);
CREATE TABLE limits (
	bridge TEXT NOT NULL, 
	name TEXT NOT NULL, 
	value BIGINT NOT NULL, 
	PRIMARY KEY (bridge, name)
);
CREATE TABLE pictures (
	id TEXT NOT NULL, 
	media_type TEXT NOT NULL, 
	data BLOB NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE registrations (
	bridge TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	state TEXT NOT NULL, 
	stays BOOLEAN NOT NULL, 
	created DOUBLE NOT NULL, 
	PRIMARY KEY (bridge, owner), 
	CONSTRAINT registrations_state CHECK (state IN ('active', 'pending'))
);
CREATE TABLE rooms (
	bridge TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	network TEXT NOT NULL, 
	room_key TEXT NOT NULL, 
	name TEXT NOT NULL, 
	nick TEXT NOT NULL, 
	password TEXT, 
	persistent BOOLEAN NOT NULL, 
	PRIMARY KEY (bridge, owner, network, room_key)
);
CREATE TABLE schema_version (
	number INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	applied DOUBLE NOT NULL, 
	PRIMARY KEY (number)
);
INSERT INTO "schema_version" VALUES(1,'first tables',1.79527765263607311249e+09);
INSERT INTO "schema_version" VALUES(2,'registrations and access',1.79527765272906875615e+09);
INSERT INTO "schema_version" VALUES(3,'contacts and their pictures',1.7952776527377874851e+09);
INSERT INTO "schema_version" VALUES(4,'delivery ledger',1.79527765275093555445e+09);
INSERT INTO "schema_version" VALUES(5,'files of the web server',1.79527765276947665214e+09);
CREATE TABLE stored_files (
	"key" TEXT NOT NULL, 
	bridge TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	name TEXT NOT NULL, 
	media_type TEXT NOT NULL, 
	size BIGINT NOT NULL, 
	sha256 TEXT NOT NULL, 
	created DOUBLE NOT NULL, 
	expires DOUBLE NOT NULL, 
	PRIMARY KEY ("key")
);
CREATE TABLE subscriptions (
	bridge TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	contact_local TEXT NOT NULL, 
	state TEXT NOT NULL, 
	pending TEXT NOT NULL, 
	PRIMARY KEY (bridge, owner, contact_local), 
	CONSTRAINT subscriptions_state CHECK (state IN ('none', 'from', 'to', 'both'))
);
CREATE INDEX archives_by_account ON archives (bridge, owner, network);
CREATE INDEX archives_by_use ON archives (used);
CREATE INDEX archive_by_room ON archive (archive_id, sent_at);
CREATE INDEX archive_by_time ON archive (sent_at);
CREATE INDEX archive_by_foreign_id ON archive (foreign_id) WHERE foreign_id IS NOT NULL;
CREATE INDEX deliveries_active ON deliveries (bridge, created) WHERE active = 1;
CREATE INDEX deliveries_by_owner ON deliveries (bridge, owner);
CREATE INDEX deliveries_by_time ON deliveries (created);
CREATE INDEX delivery_keys_by_time ON delivery_keys (created);
CREATE INDEX stored_files_by_owner ON stored_files (owner, created);
CREATE INDEX stored_files_by_expiry ON stored_files (expires);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('archive',26);
COMMIT;