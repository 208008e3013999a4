using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;

// Generic parameters by reflection: names, owners, constraints; members of open definitions; open delegates; interface maps.
class Base<A, B>
{
    public A First;
    public virtual B Second(A a) { return default(B); }
}

class Derived<T> : Base<T, List<T>>, IEnumerable<T> where T : class, IComparable<T>, new()
{
    public T[] Items { get; set; }
    public Dictionary<string, T> Map;
    public event Action<T> Changed { add { } remove { } }
    public U Convert<U, V>(T t, U[] u, ref V v) where U : struct where V : Base<T, U> { return u[0]; }
    public IEnumerator<T> GetEnumerator() { return null; }
    System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() { return null; }
    public class Inner { public T Outer; }
}

class Word : IComparable<Word> { public int CompareTo(Word other) { return 0; } }

class Shape { public virtual string Name() { return "shape"; } }
class Square : Shape { public override string Name() { return "square"; } }
interface INamed { string Title(int x); }
class Named : INamed
{
    public virtual string Title(int x) { return "named " + x; }
}
class Renamed : Named, INamed
{
    string INamed.Title(int x) { return "renamed " + x; }
}

class Program
{
    static void Parameter(Type p)
    {
        Console.WriteLine("{0} #{1} of {2} / {3}: {4} [{5}] base {6}", p, p.GenericParameterPosition, p.DeclaringType,
            p.DeclaringMethod, p.GenericParameterAttributes,
            string.Join(", ", p.GetGenericParameterConstraints().Select(c => c.ToString())), p.BaseType);
        Console.WriteLine("  {0} {1} {2} {3}", p.IsGenericParameter, p.FullName == null, p.Namespace == null, p.ContainsGenericParameters);
    }

    static void Members(Type t)
    {
        Console.WriteLine("{0} : {1} ({2})", t, t.BaseType, string.Join(", ", t.GetInterfaces().Select(i => i.ToString()).OrderBy(s => s, StringComparer.Ordinal)));
        foreach (var f in t.GetFields().OrderBy(f => f.Name, StringComparer.Ordinal))
            Console.WriteLine("  {0} in {1}", f, f.DeclaringType);
        foreach (var p in t.GetProperties())
            Console.WriteLine("  {0}", p);
        foreach (var e in t.GetEvents())
            Console.WriteLine("  {0}", e);
        foreach (string name in new[] { "Convert", "Second", "GetEnumerator" })
        {
            MethodInfo m = t.GetMethod(name);
            Console.WriteLine("  {0} in {1}: {2}", m, m.DeclaringType, string.Join(", ", m.GetParameters().Select(p => p.ToString())));
        }
    }

    static void Main()
    {
        Type open = typeof(Derived<>);
        Parameter(open.GetGenericArguments()[0]);
        foreach (Type p in open.GetMethod("Convert").GetGenericArguments())
            Parameter(p);
        Parameter(typeof(Dictionary<,>).GetGenericArguments()[1]);
        Members(open);
        Members(typeof(Derived<Word>).GetGenericTypeDefinition());
        Members(typeof(Derived<>.Inner).DeclaringType);
        Console.WriteLine(typeof(Derived<>.Inner).GetField("Outer").FieldType.DeclaringType);

        Type own = open.GetGenericArguments()[0];
        Console.WriteLine(open.MakeGenericType(own) == open);
        Console.WriteLine(open.BaseType.GetGenericArguments()[0] == own);
        Console.WriteLine(typeof(List<>).GetGenericArguments()[0] == own);
        Console.WriteLine(typeof(List<>).MakeGenericType(own));
        MethodInfo convert = open.GetMethod("Convert");
        Console.WriteLine(convert.MakeGenericMethod(convert.GetGenericArguments()) == convert);

        var name = (Func<Shape, string>)Delegate.CreateDelegate(typeof(Func<Shape, string>), typeof(Shape).GetMethod("Name"));
        Console.WriteLine("{0} {1}", name(new Shape()), name(new Square()));
        var title = (Func<INamed, int, string>)Delegate.CreateDelegate(typeof(Func<INamed, int, string>), typeof(INamed).GetMethod("Title"));
        Console.WriteLine("{0} {1}", title(new Named(), 1), title(new Renamed(), 2));
        var text = (Func<object, string>)Delegate.CreateDelegate(typeof(Func<object, string>), typeof(object).GetMethod("ToString"));
        Console.WriteLine("{0} {1}", text(5), text("five"));
        try { name(null); }
        catch (NullReferenceException) { Console.WriteLine("null"); }

        foreach (Type t in new[] { typeof(Named), typeof(Renamed) })
        {
            InterfaceMapping map = t.GetInterfaceMap(typeof(INamed));
            Console.WriteLine("{0} -> {1} of {2}", map.InterfaceMethods[0], map.TargetMethods[0], map.TargetMethods[0].DeclaringType);
        }
        Console.WriteLine(typeof(int).MakeByRefType().Attributes == typeof(int).Attributes);
    }
}
