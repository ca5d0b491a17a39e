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
INSERT INTO "accounts" VALUES('irc','alice4@localhost','inspircd','Alice2',1,0,'',1.79527778068362665183e+09);
INSERT INTO "accounts" VALUES('irc','alice8@localhost','inspircd','Alice6',1,0,'',1.79527778279392504694e+09);
INSERT INTO "accounts" VALUES('irc','alice12@localhost','inspircd','Alice10',1,0,'',1.79527778582132911677e+09);
INSERT INTO "accounts" VALUES('irc','alice16@localhost','inspircd','Alice14',1,0,'',1.79527778708011484139e+09);
INSERT INTO "accounts" VALUES('irc','alice20@localhost','inspircd','Alice18',1,0,'',1.79527778993899297717e+09);
INSERT INTO "accounts" VALUES('irc','alice24@localhost','inspircd','Alicia25',1,0,'',1.795277792269841671e+09);
INSERT INTO "accounts" VALUES('irc','alice30@localhost','inspircd','Alice28',1,0,'',1.7952777940783326626e+09);
INSERT INTO "accounts" VALUES('irc','alice34@localhost','inspircd','Alice32',1,0,'',1.79527779636201953884e+09);
INSERT INTO "accounts" VALUES('irc','alice38@localhost','inspircd','Alice36',1,0,'',1.79527779824052786828e+09);
INSERT INTO "accounts" VALUES('irc','alice42@localhost','inspircd','Alice40',1,0,'',1.79527780044654560092e+09);
INSERT INTO "accounts" VALUES('irc','alice47@localhost','inspircd','Alice45',1,0,'',1.79527780342627882956e+09);
INSERT INTO "accounts" VALUES('irc','alice52@localhost','inspircd','Alice50',1,0,'',1.79527780646395850178e+09);
INSERT INTO "accounts" VALUES('irc','alice56@localhost','inspircd','Alice54',1,0,'',1.79527780846690154076e+09);
INSERT INTO "accounts" VALUES('irc','bob57@localhost','inspircd','Bob58',1,0,'',1.79527780948542165753e+09);
INSERT INTO "accounts" VALUES('irc','alice62@localhost','inspircd','Alice60',1,0,'',1.79527781166409158711e+09);
INSERT INTO "accounts" VALUES('irc','alice66@localhost','inspircd','Alice64',1,0,'',1.79527781364421057698e+09);
INSERT INTO "accounts" VALUES('irc','alice70@localhost','inspircd','Alice68',1,0,'',1795277815.75981);
INSERT INTO "accounts" VALUES('irc','alice74@localhost','inspircd','Alice72',1,0,'',1.79527781793235516544e+09);
INSERT INTO "accounts" VALUES('irc','alice78@localhost','inspircd','Alice76',1,0,'',1.79527781982770442961e+09);
INSERT INTO "accounts" VALUES('irc','alice82@localhost','inspircd','Alice80',1,0,'',1.79527782194256329533e+09);
INSERT INTO "accounts" VALUES('irc','alice86@localhost','inspircd','Alice84',1,0,'',1.79527782386665153506e+09);
INSERT INTO "accounts" VALUES('irc','alice90@localhost','inspircd','Alice88',1,0,'',1.795277827000513792e+09);
CREATE TABLE archive (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	archive_id BIGINT NOT NULL, 
	stanza_id TEXT NOT NULL, 
	foreign_id TEXT, 
	sender TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	body TEXT NOT NULL, 
	sent_at DOUBLE NOT NULL
, extra TEXT);
INSERT INTO "archive" VALUES(1,-3665166943370211048,'001~1795277769~0','001~1795277769~0','Alice6','chat','Grüße & <b>küsse</b> 🙂 ]]> %20 \20, says alice',1.7952777828555140495e+09,'<origin-id xmlns=''urn:xmpp:sid:0'' id=''t1''/><occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''85f2d6e320e825bd874a0d1f02c95ccd''/>');
INSERT INTO "archive" VALUES(2,-3665166943370211048,'001~1795277769~1','001~1795277769~1','carol7','chat','Grüße & <b>küsse</b> 🙂 ]]> %20 \20, says carol',1.79527778287096190451e+09,'<occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''mwqm1ayi-10pjkjgdgjmww-3''/>');
INSERT INTO "archive" VALUES(3,-3665166943370211048,'001~1795277769~2','001~1795277769~2','Alice6','action','waves',1.79527778293155026436e+09,'<origin-id xmlns=''urn:xmpp:sid:0'' id=''t3''/><occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''85f2d6e320e825bd874a0d1f02c95ccd''/>');
INSERT INTO "archive" VALUES(4,-3665166943370211048,'001~1795277769~3','001~1795277769~3','carol7','action','waves back',1.79527778295833826066e+09,'<occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''mwqm1ayi-10pjkjgdgjmww-3''/>');
INSERT INTO "archive" VALUES(5,6764870558067389332,'001~1795277769~4','001~1795277769~4','Alice10','chat','one
two

three',1.79527778589706897734e+09,'<origin-id xmlns=''urn:xmpp:sid:0'' id=''t1''/><occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''20dda55037525e6029d3662daaf51e12''/>');
INSERT INTO "archive" VALUES(6,-4150425649655441029,'001~1795277769~7','001~1795277769~7','','chat','only for you',1.79527778712832617761e+09,'<origin-id xmlns=''urn:xmpp:sid:0'' id=''t1''/>');
INSERT INTO "archive" VALUES(7,-4150425649655441029,'001~1795277769~8','001~1795277769~8','carol15','chat','and for you',1.79527778714909696578e+09,NULL);
INSERT INTO "archive" VALUES(8,-4150425649655441029,'001~1795277769~9','001~1795277769~9','','chat','to the occupant',1.79527778718219232557e+09,'<origin-id xmlns=''urn:xmpp:sid:0'' id=''t2''/>');
INSERT INTO "archive" VALUES(9,-3238554842150890753,'001~1795277769~10','001~1795277769~10','Alice28','chat','still here, says alice',1.79527779411816573143e+09,'<origin-id xmlns=''urn:xmpp:sid:0'' id=''t1''/><occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''78a6516de47163cd5e749ce6f9fbd759''/>');
INSERT INTO "archive" VALUES(10,-3238554842150890753,'001~1795277769~11','001~1795277769~11','carol29','chat','still here, says carol',1.79527779416321349144e+09,'<occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''mwqm1ayi-10pjkjgdgjmww-d''/>');
INSERT INTO "archive" VALUES(11,-8538998689547367103,'001~1795277769~12','001~1795277769~12','Alice50','chat','from my phone',1.79527780654105758662e+09,'<origin-id xmlns=''urn:xmpp:sid:0'' id=''t1''/><occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''ae842b6cb80319685c16a1937b769507''/>');
INSERT INTO "archive" VALUES(12,-8538998689547367103,'001~1795277769~13','001~1795277769~13','carol51','chat','hello both',1.79527780654232406616e+09,'<occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''mwqm1ayi-10pjkjgdgjmww-1e''/>');
INSERT INTO "archive" VALUES(13,-8538998689547367103,'001~1795277769~14','001~1795277769~14','Alice50','chat','one device is left, says alice',1.79527780659521508216e+09,'<origin-id xmlns=''urn:xmpp:sid:0'' id=''t1''/><occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''ae842b6cb80319685c16a1937b769507''/>');
INSERT INTO "archive" VALUES(14,-8538998689547367103,'001~1795277769~15','001~1795277769~15','carol51','chat','one device is left, says carol',1.79527780659656929968e+09,'<occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''mwqm1ayi-10pjkjgdgjmww-1e''/>');
INSERT INTO "archive" VALUES(15,6327395400631258701,'001~1795277769~16','001~1795277769~16','Bob58','chat','hello alice',1.79527780950279688835e+09,'<origin-id xmlns=''urn:xmpp:sid:0'' id=''t1''/><occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''a5e27d60f2413b0491d59a5d810c68bc''/>');
INSERT INTO "archive" VALUES(16,-8731386259206866441,'001~1795277769~16','001~1795277769~16','Bob58','chat','hello alice',1.79527780950306439398e+09,'<occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''mwqm1ayi-10pjkjgdgjmww-26''/>');
INSERT INTO "archive" VALUES(17,-8731386259206866441,'001~1795277769~17','001~1795277769~17','Alice54','chat','three of us, says alice',1.79527780952050757413e+09,'<origin-id xmlns=''urn:xmpp:sid:0'' id=''t1''/><occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''45330a70c4ef41220f9c62762595ebb1''/>');
INSERT INTO "archive" VALUES(18,6327395400631258701,'001~1795277769~17','001~1795277769~17','Alice54','chat','three of us, says alice',1.79527780954424452785e+09,'<occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''mwqm1ayi-10pjkjgdgjmww-23''/>');
INSERT INTO "archive" VALUES(19,6327395400631258701,'001~1795277769~18','001~1795277769~18','carol55','chat','three of us, says carol',1.7952778095444669724e+09,'<occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''mwqm1ayi-10pjkjgdgjmww-24''/>');
INSERT INTO "archive" VALUES(20,-8731386259206866441,'001~1795277769~18','001~1795277769~18','carol55','chat','three of us, says carol',1.79527780956297063823e+09,'<occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''mwqm1ayi-10pjkjgdgjmww-21''/>');
INSERT INTO "archive" VALUES(21,5926527730548511745,'001~1795277769~19','001~1795277769~19','Alice64','chat','earlier, says alice',1.79527781365719294546e+09,'<origin-id xmlns=''urn:xmpp:sid:0'' id=''t1''/><occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''9ce7ebfff4dc3c683f4bce80099819c6''/>');
INSERT INTO "archive" VALUES(22,5926527730548511745,'001~1795277769~20','001~1795277769~20','carol65','chat','earlier, says carol',1.79527781370308709145e+09,'<occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''mwqm1ayi-10pjkjgdgjmww-29''/>');
INSERT INTO "archive" VALUES(23,-6452198509404078937,'001~1795277769~21','001~1795277769~21','carol85','chat','>café<',1.79527782391337299349e+09,'<occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''mwqm1ayi-10pjkjgdgjmww-2e''/>');
INSERT INTO "archive" VALUES(24,-6452198509404078937,'001~1795277769~22','001~1795277769~22','carol85','chat','>bold red<',1.79527782391561150547e+09,'<occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''mwqm1ayi-10pjkjgdgjmww-2e''/><markup xmlns=''urn:xmpp:markup:0''><span start=''1'' end=''5''><strong/></span></markup>');
INSERT INTO "archive" VALUES(25,-6452198509404078937,'001~1795277769~23','001~1795277769~23','carol85','chat','>[31m<',1.79527782393726181983e+09,'<occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''mwqm1ayi-10pjkjgdgjmww-2e''/>');
INSERT INTO "archive" VALUES(26,-6452198509404078937,'001~1795277769~24','001~1795277769~24','carol85','chat','>ð<',1.79527782393893575664e+09,'<occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''mwqm1ayi-10pjkjgdgjmww-2e''/>');
INSERT INTO "archive" VALUES(27,-6452198509404078937,'001~1795277769~25','001~1795277769~25','carol85','chat','>ÿþ<',1.79527782394308066372e+09,'<occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''mwqm1ayi-10pjkjgdgjmww-2e''/>');
INSERT INTO "archive" VALUES(28,-6452198509404078937,'001~1795277769~26','001~1795277769~26','Alice84','chat','after the noise, says alice',1.79527782395838546745e+09,'<origin-id xmlns=''urn:xmpp:sid:0'' id=''t1''/><occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''5b60c4bf91ac2011fdb82f48b1931aab''/>');
INSERT INTO "archive" VALUES(29,-6452198509404078937,'001~1795277769~27','001~1795277769~27','carol85','chat','after the noise, says carol',1.79527782400045585629e+09,'<occupant-id xmlns=''urn:xmpp:occupant-id:0'' id=''mwqm1ayi-10pjkjgdgjmww-2e''/>');
CREATE TABLE archives (
	id BIGINT NOT NULL, 
	bridge TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	network TEXT NOT NULL, 
	room_key TEXT NOT NULL, 
	used DOUBLE NOT NULL, peer TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "archives" VALUES(-3665166943370211048,'irc','alice8@localhost','inspircd','#room5',1.79527778285569095616e+09,NULL);
INSERT INTO "archives" VALUES(6764870558067389332,'irc','alice12@localhost','inspircd','#room9',1.7952777858972091675e+09,NULL);
INSERT INTO "archives" VALUES(-4150425649655441029,'irc','alice16@localhost','inspircd',' carol15',1.79527778713883471488e+09,'carol15');
INSERT INTO "archives" VALUES(-3238554842150890753,'irc','alice30@localhost','inspircd','#room27',1.79527779411834359163e+09,NULL);
INSERT INTO "archives" VALUES(-8538998689547367103,'irc','alice52@localhost','inspircd','#room49',1.79527780654121685028e+09,NULL);
INSERT INTO "archives" VALUES(6327395400631258701,'irc','bob57@localhost','inspircd','#room53',1.79527780950290513041e+09,NULL);
INSERT INTO "archives" VALUES(-8731386259206866441,'irc','alice56@localhost','inspircd','#room53',1.79527780950308132176e+09,NULL);
INSERT INTO "archives" VALUES(5926527730548511745,'irc','alice66@localhost','inspircd','#room63',1.79527781365734958652e+09,NULL);
INSERT INTO "archives" VALUES(-6452198509404078937,'irc','alice86@localhost','inspircd','#room83',1.79527782391347861287e+09,NULL);
CREATE TABLE bridge_memory (
	bridge TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	network TEXT NOT NULL, 
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	secret BOOLEAN NOT NULL, 
	PRIMARY KEY (bridge, owner, network, name)
);
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
INSERT INTO "deliveries" VALUES('mwqm1ayi-2yrha7zbku0pb-1','irc','alice16@localhost','inspircd',0,0,'carol15','chat','','','',1.79527778712832617761e+09,'chat','t1','alice16@localhost/desk','carol15%inspircd@irc.localhost','001~1795277769~7','',0,0,'accepted','','','',1,0,0,1.79527778712832617761e+09,1.79527778713887691498e+09);
INSERT INTO "deliveries" VALUES('de11f6383ad88e9978a1a6ff30cad6d311aa35c2','irc','alice16@localhost','inspircd',1,0,'carol15','chat','and for you','<nick xmlns=''http://jabber.org/protocol/nick''>carol15</nick>','',1795277787.139,'chat','001~1795277769~8','','carol15%inspircd@irc.localhost','001~1795277769~8','',0,0,'queued','','','',0,1,1,1.79527778714007449148e+09,1.79527778884930610658e+09);
INSERT INTO "deliveries" VALUES('mwqm1ayi-2yrha7zbku0pb-2','irc','alice16@localhost','inspircd',0,0,'carol15','chat','','','',1.79527778718219232557e+09,'chat','t2','alice16@localhost/desk','#room13%inspircd@irc.localhost/carol15','001~1795277769~9','',0,0,'accepted','','','',1,0,0,1.79527778718219232557e+09,1.79527778718986940386e+09);
INSERT INTO "deliveries" VALUES('mwqm1ayi-2yrha7zbku0pb-3','irc','alice20@localhost','inspircd',0,0,'nobody-at-all','chat','','','',1.79527778996041345593e+09,'chat','t1','alice20@localhost/desk','nobody-at-all%inspircd@irc.localhost','','',0,0,'failed','item-not-found','cancel','inspircd: nobody-at-all: No such nick. Check the nick, or try again later.',1,0,0,1.79527778996041345593e+09,1.7952777900109932423e+09);
CREATE TABLE delivery_keys (
	"key" TEXT NOT NULL, 
	delivery_id TEXT NOT NULL, 
	created DOUBLE NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "delivery_keys" VALUES('de11f6383ad88e9978a1a6ff30cad6d311aa35c2','de11f6383ad88e9978a1a6ff30cad6d311aa35c2',1.79527778714007449148e+09);
CREATE TABLE delivery_marks (
	bridge TEXT NOT NULL, 
	confirmed DOUBLE NOT NULL, 
	PRIMARY KEY (bridge)
);
INSERT INTO "delivery_marks" VALUES('irc',1.79527782710711693759e+09);
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
CREATE TABLE preferences (
	bridge TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	network TEXT NOT NULL, 
	room_key TEXT NOT NULL, 
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	secret BOOLEAN NOT NULL, 
	PRIMARY KEY (bridge, owner, network, room_key, name)
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
INSERT INTO "schema_version" VALUES(1,'first tables',1.79527777776723265648e+09);
INSERT INTO "schema_version" VALUES(2,'registrations and access',1.79527777780471777912e+09);
INSERT INTO "schema_version" VALUES(3,'contacts and their pictures',1.79527777781031894687e+09);
INSERT INTO "schema_version" VALUES(4,'delivery ledger',1.79527777781919980048e+09);
INSERT INTO "schema_version" VALUES(5,'files of the web server',1.79527777782391953463e+09);
INSERT INTO "schema_version" VALUES(6,'settings of the gateway and of rooms',1.79527777782783317566e+09);
INSERT INTO "schema_version" VALUES(7,'private chats in archives',1.79527777783208703993e+09);
INSERT INTO "schema_version" VALUES(8,'memory of bridges',1.79527777783573603631e+09);
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
CREATE INDEX archives_by_use ON archives (used);
CREATE INDEX archives_by_account ON archives (bridge, owner, network);
CREATE INDEX archive_by_room ON archive (archive_id, sent_at);
CREATE INDEX archive_by_foreign_id ON archive (foreign_id) WHERE foreign_id IS NOT NULL;
CREATE INDEX deliveries_active ON deliveries (bridge, created) WHERE active = 1;
CREATE INDEX deliveries_by_time ON deliveries (created);
CREATE INDEX deliveries_by_owner ON deliveries (bridge, owner);
CREATE INDEX delivery_keys_by_time ON delivery_keys (created);
CREATE INDEX stored_files_by_owner ON stored_files (owner, created);
CREATE INDEX stored_files_by_expiry ON stored_files (expires);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('archive',29);
COMMIT;