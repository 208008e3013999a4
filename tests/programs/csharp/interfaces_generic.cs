using System;

interface ISource<out T> { T Next(); }
interface ISink<in T> { string Put(T x); }
interface IStore<T> { T Value { get; set; } bool Same(T other); }
interface IConvert { R Convert<T, R>(T x, Func<T, R> f); T Same<T>(T x); }

class Animal { public virtual string Name { get { return "animal"; } } }
class Dog : Animal { public override string Name { get { return "dog"; } } }

class DogSource : ISource<Dog> { public Dog Next() { return new Dog(); } }
class AnimalSink : ISink<Animal> { public string Put(Animal a) { return "put " + a.Name; } }
class ObjectSink : ISink<object> { public string Put(object o) { return "object " + (o is Animal); } }

class Store<T> : IStore<T>
{
    public T Value { get; set; }
    public bool Same(T other) { return Value == null ? other == null : Value.Equals(other); }
}

// The same generic interface several times.
class Multi : ISource<int>, ISource<string>, IStore<int>, IStore<long>
{
    int i = 10;
    int ISource<int>.Next() { return i++; }
    string ISource<string>.Next() { return "s" + i++; }
    int IStore<int>.Value { get { return i; } set { i = value; } }
    long IStore<long>.Value { get { return i * 1000000000L; } set { i = (int)(value / 1000000000L); } }
    bool IStore<int>.Same(int other) { return i == other; }
    bool IStore<long>.Same(long other) { return i * 1000000000L == other; }
}

class Converter : IConvert
{
    public int Count;
    public virtual R Convert<T, R>(T x, Func<T, R> f) { Count++; return f(x); }
    T IConvert.Same<T>(T x) { Count += 10; return x; }
}

class LoudConverter : Converter
{
    public override R Convert<T, R>(T x, Func<T, R> f) { Count += 100; return base.Convert(x, f); }
}

class InterfacesGeneric
{
    static string Fetch<T>(ISource<T> source) { return source.Next().ToString(); }
    static string Feed<T>(ISink<T> sink, T x) { return sink.Put(x); }
    static bool Swap<T>(IStore<T> a, IStore<T> b)
    {
        T value = a.Value;
        a.Value = b.Value;
        b.Value = value;
        return a.Same(value);
    }

    static void Main()
    {
        ISource<Dog> dogs = new DogSource();
        ISource<Animal> animals = dogs;
        ISource<object> objects = dogs;
        Console.WriteLine(animals.Next().Name);
        Console.WriteLine(((Dog)objects.Next()).Name);
        ISink<Animal> sink = new AnimalSink();
        ISink<Dog> dogSink = sink;
        Console.WriteLine(dogSink.Put(new Dog()));
        ISink<Dog> general = new ObjectSink();
        Console.WriteLine(general.Put(new Dog()));
        Console.WriteLine(Feed<Dog>(general, null));
        object untyped = dogs;
        Console.WriteLine(untyped is ISource<Animal>);
        Console.WriteLine(untyped is ISource<string>);
        Console.WriteLine((object)sink is ISink<Dog>);
        Console.WriteLine((object)sink is ISink<object>);
        Console.WriteLine((object)new Multi() is ISource<object>);
        Console.WriteLine((object)new Multi() is ISource<long>);
        Console.WriteLine(((ISource<object>)(object)new Multi()).Next());

        var multi = new Multi();
        Console.WriteLine(Fetch<int>(multi) + " " + Fetch<string>(multi) + " " + Fetch<int>(multi));
        Console.WriteLine(((IStore<int>)multi).Value + " " + ((IStore<long>)multi).Value);
        ((IStore<long>)multi).Value = 77000000000L;
        Console.WriteLine(((IStore<int>)multi).Same(77) + " " + ((IStore<long>)multi).Same(77000000000L));

        var a = new Store<int> { Value = 1 };
        var b = new Store<int> { Value = 2 };
        Console.WriteLine(Swap(a, b) + " " + a.Value + " " + b.Value);
        Console.WriteLine(Swap(a, multi) + " " + a.Value + " " + ((IStore<int>)multi).Value);
        var c = new Store<string> { Value = "c" };
        var d = new Store<string>();
        Console.WriteLine(Swap(c, d) + " " + (c.Value == null) + " " + d.Value);
        var e = new Store<Func<int>> { Value = () => 5 };
        Console.WriteLine(((IStore<Func<int>>)e).Value());

        foreach (Converter converter in new Converter[] { new Converter(), new LoudConverter() })
        {
            IConvert convert = converter;
            Console.WriteLine(convert.Convert(5, x => "i" + x) + convert.Convert("abc", s => s.Length) + convert.Convert(2L, l => l * 0.5 == 1));
            Console.WriteLine(convert.Same(5) + convert.Same("five") + convert.Same(5L));
            Console.WriteLine(converter.Count);
        }
        IComparable<int> comparable = 5;
        Console.WriteLine(comparable.CompareTo(3) + " " + comparable.CompareTo(9));
        IEquatable<string> equatable = "x";
        Console.WriteLine(equatable.Equals("x"));
    }
}
