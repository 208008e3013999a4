//! flags: -r:System.Xml.dll -r:System.Runtime.Serialization.dll
// Objects written and read again: binary, XML, data contracts, JSON.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.Serialization;
using System.Runtime.Serialization.Formatters.Binary;
using System.Runtime.Serialization.Json;
using System.Text;
using System.Xml.Serialization;

[Serializable]
public class Node
{
    public string Name;
    public int[] Numbers;
    public Node Next;
    public Dictionary<string, double> Table = new Dictionary<string, double>();
    [NonSerialized] public string Lost = "lost";
    public DateTime When = new DateTime(2001, 2, 3, 4, 5, 6, DateTimeKind.Utc);
    public DayOfWeek Day = DayOfWeek.Tuesday;
    public decimal Money = 12.34m;
    [OnDeserialized] void Done(StreamingContext c) { Console.WriteLine("deserialized {0}", Name); }
}

[Serializable]
public class Custom : ISerializable
{
    public int Value;
    public Custom() { }
    Custom(SerializationInfo info, StreamingContext c) { Value = info.GetInt32("v") + 1; }
    public void GetObjectData(SerializationInfo info, StreamingContext c) { info.AddValue("v", Value); }
}

public class Order
{
    [XmlAttribute] public int Id;
    public string Customer { get; set; }
    [XmlArrayItem("line")] public List<Line> Lines = new List<Line>();
    [XmlIgnore] public string Secret = "secret";
    public DayOfWeek? Day;
}
public class Line { [XmlText] public string Text; [XmlAttribute("q")] public double Quantity; }

[DataContract(Namespace = "")]
public class Contract
{
    [DataMember(Order = 1)] public string Name { get; set; }
    [DataMember(Order = 2)] public List<int> Items { get; set; }
    [DataMember(Order = 3, EmitDefaultValue = false)] public Contract Inner { get; set; }
    public int Skipped = 5;
}

class Program
{
    static void Main()
    {
        Binary();
        Xml();
        Contracts();
    }

    static T Copy<T>(T value)
    {
        var f = new BinaryFormatter();
        var s = new MemoryStream();
        f.Serialize(s, value);
        s.Position = 0;
        return (T)f.Deserialize(s);
    }

    static void Binary()
    {
        var a = new Node { Name = "a", Numbers = new[] { 1, 2, 3 } };
        a.Next = new Node { Name = "b", Next = a };
        a.Table["pi"] = 3.25;
        Node b = Copy(a);
        Console.WriteLine("{0} {1} {2} {3} {4}", b.Name, string.Join(",", b.Numbers), b.Next.Name, b.Next.Next == b, b.Lost ?? "null");
        Console.WriteLine("{0} {1:o} {2} {3}", b.Table["pi"], b.When, b.Day, b.Money);
        Console.WriteLine(Copy(new Custom { Value = 41 }).Value);
        Console.WriteLine(string.Join("|", Copy(new List<string> { "x", null, "z" }).Select(x => x ?? "null")));
        Console.WriteLine(Copy(Tuple.Create(1, "two", new[] { 3.0 })).Item3[0]);
        Console.WriteLine(Copy(new object[] { 1, "s", null, 'c', 2.5, typeof(string) })[5]);
        try { Copy(new StringWriter().GetType().Assembly.GetType("Nothing") ?? (object)new Program()); } catch (SerializationException e) { Console.WriteLine(e.GetType().Name); }
    }

    static void Xml()
    {
        var o = new Order { Id = 7, Customer = "<me & you>", Day = DayOfWeek.Monday };
        o.Lines.Add(new Line { Text = "first", Quantity = 1.5 });
        o.Lines.Add(new Line { Text = "second", Quantity = 2 });
        var x = new XmlSerializer(typeof(Order));
        var w = new StringWriter();
        x.Serialize(w, o);
        string text = w.ToString();
        Console.WriteLine(text.Contains("<line q=\"1.5\">first</line>"));
        Console.WriteLine(text.Contains("&lt;me &amp; you&gt;"));
        Console.WriteLine(text.Contains("secret"));
        var back = (Order)x.Deserialize(new StringReader(text));
        Console.WriteLine("{0} {1} {2} {3} {4}", back.Id, back.Customer, back.Lines.Count, back.Lines[1].Text, back.Day);
    }

    static void Contracts()
    {
        var c = new Contract { Name = "outer", Items = new List<int> { 1, 2 }, Inner = new Contract { Name = "inner" } };
        var d = new DataContractSerializer(typeof(Contract));
        var s = new MemoryStream();
        d.WriteObject(s, c);
        Console.WriteLine(Encoding.UTF8.GetString(s.ToArray()).Contains("<Name>inner</Name>"));
        s.Position = 0;
        var back = (Contract)d.ReadObject(s);
        Console.WriteLine("{0} {1} {2} {3}", back.Name, back.Items.Sum(), back.Inner.Name, back.Inner.Items == null);
        var j = new DataContractJsonSerializer(typeof(Contract));
        s = new MemoryStream();
        j.WriteObject(s, c);
        Console.WriteLine(Encoding.UTF8.GetString(s.ToArray()));
        s.Position = 0;
        Console.WriteLine(((Contract)j.ReadObject(s)).Inner.Name);
    }
}
